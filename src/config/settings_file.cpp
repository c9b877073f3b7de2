// Configuration files: flat TOML, a key for every option.
#include <fmt/format.h>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "config/foreign_options.hpp"
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

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "on" : "off";
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  return std::nullopt;
}

std::string toml_text_of(const toml::node& node, const Option& option) {
  if (const auto text = scalar_text(node)) return *text;
  const toml::array* list = node.as_array();
  if (list == nullptr || !option.takes_list) {
    throw UsageError(fmt::format("the value of {} is {}; valid: text, a number, true or false",
                                 option.name, list != nullptr ? "a list" : "none"));
  }
  std::string joined;
  for (const toml::node& entry : *list) {
    const auto text = scalar_text(entry);
    if (!text) throw UsageError(fmt::format("the list of {} holds what is no text", option.name));
    joined += (joined.empty() ? "" : ",") + *text;
  }
  return joined.empty() ? "none" : joined;
}

using Entry = std::pair<std::string_view, const toml::node*>;

std::multimap<toml::source_index, Entry> by_line(const toml::table& table) {
  std::multimap<toml::source_index, Entry> entries;
  for (const auto& [key, node] : table)
    entries.emplace(node.source().begin.line, Entry(key.str(), &node));
  return entries;
}

Setting setting_of(std::string_view key, const toml::node& node) {
  const std::string written = shown(key);
  const ForeignOption* foreign = find_foreign_option(written);
  if (foreign != nullptr) {
    const std::string text = scalar_text(node).value_or("");
    if (is_needless(*foreign, text)) return {written, text};
  }
  const Option& option = find_option(written);
  const bool is_own = canonical_name(option.name) == canonical_name(written);
  return {std::string(option.name), toml_text_of(node, option), is_own ? "" : written};
}

/// TOML text: quotes, backslashes and control characters escaped.
std::string toml_quoted(std::string_view text) {
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
  Mistakes mistakes;
  std::vector<Setting> settings = parse_settings(toml_text, origin, mistakes);
  mistakes.refuse();
  return settings;
}

std::vector<Setting> parse_settings(std::string_view toml_text, std::string_view origin,
                                    Mistakes& mistakes) {
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
  std::set<std::string> given;
  try {
    const toml::table table = toml::parse(toml_text, origin);
    for (const auto& [line, entry] : by_line(table)) {
      try {
        Setting setting = setting_of(entry.first, *entry.second);
        if (!given.insert(setting.name).second)
          throw UsageError(fmt::format("{} is given twice", setting.name));
        settings.push_back(std::move(setting));
      } catch (const UsageError& error) {
        mistakes.add(fmt::format("{}:{}: {}", origin, line, error.what()));
      }
    }
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}:{}: not TOML: {}", origin, error.source().begin.line,
                                 shown(error.description())));
  }
  return settings;
}

void apply_setting(const Setting& setting, RunConfig& config) {
  const ForeignOption* foreign = find_foreign_option(setting.name);
  if (foreign != nullptr && is_needless(*foreign, setting.text)) {
    config.remarks.push_back(fmt::format("--{} is not needed: {}", setting.name, foreign->answer));
  } else {
    set_option(find_option(setting.name), setting.text, config);
  }
}

std::string to_toml(const RunConfig& config, std::string_view header_comment) {
  std::string text = fmt::format("# {}\n", header_comment);
  std::string_view group;
  for (const Option& option : train_options()) {
    if (option.group != group) text += fmt::format("\n# {}\n", option.group);
    group = option.group;
    text += fmt::format("{} = {}\n", option.name, toml_quoted(option_text(option, config)));
  }
  return text;
}

}  // namespace detox
