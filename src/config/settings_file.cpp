// Configuration files: flat TOML, a key for every option.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "config/foreign_options.hpp"
#include "config/options.hpp"
#include "config/toml_settings.hpp"
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

std::vector<TomlEntry> entries_of(const toml::table& table) {
  std::vector<std::pair<std::pair<std::size_t, std::size_t>, TomlEntry>> placed;
  for (const auto& [key, node] : table) {
    const toml::source_position at = key.source().begin;
    placed.push_back({{at.line, at.column}, {key.str(), &node, at.line}});
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<TomlEntry> entries;
  entries.reserve(placed.size());
  for (const auto& [at, entry] : placed) entries.push_back(entry);
  return entries;
}

toml::table parse_toml(std::string_view text, std::string_view origin, std::string_view what) {
  if (text.size() > kLargestFile) {
    throw InputError(
        fmt::format("{}: {} bytes are no {}; at most {}", origin, text.size(), what, kLargestFile));
  }
  if (has_too_many_dots(text)) {
    throw InputError(fmt::format("{}: more than {} dots are no {}", origin, kMostDots, what));
  }
  try {
    return toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}:{}: not TOML: {}", origin, error.source().begin.line,
                                 shown(error.description())));
  }
}

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

std::vector<Setting> parse_settings(std::string_view toml_text, std::string_view origin) {
  Mistakes mistakes;
  std::vector<Setting> settings = parse_settings(toml_text, origin, mistakes);
  mistakes.refuse();
  return settings;
}

std::vector<Setting> parse_settings(std::string_view toml_text, std::string_view origin,
                                    Mistakes& mistakes) {
  const toml::table table = parse_toml(toml_text, origin, "configuration");
  std::vector<Setting> settings;
  std::set<std::string> given;
  for (const TomlEntry& entry : entries_of(table)) {
    try {
      Setting setting = setting_of(entry.key, *entry.node);
      if (!given.insert(setting.name).second)
        throw UsageError(fmt::format("{} is given twice", setting.name));
      settings.push_back(std::move(setting));
    } catch (const UsageError& error) {
      mistakes.add(fmt::format("{}:{}: {}", origin, entry.line, error.what()));
    }
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
