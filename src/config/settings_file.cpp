// Configuration files: flat TOML, a key for every option.
#include <fmt/format.h>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "config/options.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::size_t kLargestFile = 1U << 20U;
constexpr std::size_t kMostDots = 4096;
constexpr std::size_t kLongestQuoted = 200;

/// toml++ frees a dotted key's tables by recursion: enough dots would overflow the stack. A flat
/// file has them in numbers and paths alone. Comments are free to have as many as they like.
bool has_too_many_dots(std::string_view text) {
  std::size_t dots = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
    text.remove_prefix(line.size());
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || line[first] == '#') continue;
    dots += static_cast<std::size_t>(std::count(line.begin(), line.end(), '.'));
  }
  return dots > kMostDots;
}

/// One line, not too long, whatever an error message quotes.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, kLongestQuoted));
  std::replace_if(
      result.begin(), result.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return result;
}

const Option& option_of(std::string_view key, std::string_view where) {
  try {
    return find_option(shown(key));
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", where, error.what()));
  }
}

std::string scalar_text(const toml::node& node, const Option& option, std::string_view where) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "on" : "off";
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  throw UsageError(fmt::format("{}: the value of {} is none; valid: text, a number, true or false",
                               where, option.name));
}

/// TOML text: quotes, backslashes and control characters escaped.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace

std::vector<Setting> parse_settings(std::string_view toml_text, std::string_view origin) {
  if (toml_text.size() > kLargestFile) {
    throw InputError(fmt::format("{}: {} bytes are no configuration; at most {}", origin,
                                 toml_text.size(), kLargestFile));
  }
  if (has_too_many_dots(toml_text)) {
    throw InputError(
        fmt::format("{}: more than {} dots are no configuration; options are "
                    "NAME = VALUE, without tables",
                    origin, kMostDots));
  }
  std::vector<Setting> settings;
  std::set<std::string_view> given;
  try {
    const toml::table table = toml::parse(toml_text, origin);
    for (const auto& [key, node] : table) {
      const std::string where = fmt::format("{}:{}", origin, node.source().begin.line);
      const Option& option = option_of(key.str(), where);
      if (!given.insert(option.name).second)
        throw UsageError(fmt::format("{}: {} is given twice", where, option.name));
      settings.push_back({std::string(option.name), scalar_text(node, option, where)});
    }
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}:{}: not TOML: {}", origin, error.source().begin.line,
                                 shown(error.description())));
  }
  return settings;
}

std::string to_toml(const RunConfig& config, std::string_view header_comment) {
  std::string text = fmt::format("# {}\n", header_comment);
  std::string_view group;
  for (const Option& option : train_options()) {
    if (option.group != group) text += fmt::format("\n# {}\n", option.group);
    group = option.group;
    text += fmt::format("{} = {}\n", option.name, quoted(option_text(option, config)));
  }
  return text;
}

}  // namespace detox
