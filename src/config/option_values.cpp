// Text to value and back, for every kind of field.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <type_traits>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "base/home_folder.hpp"
#include "base/names.hpp"
#include "config/options.hpp"
#include "detox/errors.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

constexpr std::size_t kLongestShown = 80;

[[noreturn]] void refuse(const Option& option, std::string_view text, std::string_view valid) {
  throw UsageError(
      fmt::format("--{} is '{}'; valid: {}", option.name, text.substr(0, kLongestShown), valid));
}

template <class Number>
Number parse_number(const Option& option, std::string_view text, std::string_view valid) {
  Number number{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size())
    refuse(option, text, valid);
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(number)) refuse(option, text, valid);
  }
  return number;
}

std::string valid_numbers(const Option& option, std::string_view kind) {
  return option.empty_word.empty() ? std::string(kind)
                                   : fmt::format("{} or {}", kind, option.empty_word);
}

bool parse_switch(const Option& option, std::string_view text) {
  const std::string word = canonical_name(text);
  if (word == "on" || word == "true" || word == "yes" || word == "1") return true;
  if (word == "off" || word == "false" || word == "no" || word == "0") return false;
  refuse(option, text, "on, off");
}

/// The place of the word among the option's.
std::size_t parse_choice(const Option& option, std::string_view text) {
  const std::string wanted = canonical_name(text);
  std::vector<std::string_view> aliases = option.choice_aliases;
  for (std::size_t i = 0; i < option.choices.size(); ++i) {
    if (canonical_name(option.choices[i]) == wanted) return i;
    const bool has_alias = i < aliases.size() && !aliases[i].empty();
    if (has_alias && canonical_name(aliases[i]) == wanted) return i;
  }
  std::erase(aliases, "");
  const std::string noun =
      option.noun.empty() ? fmt::format("value of --{}", option.name) : std::string(option.noun);
  throw UsageError(unknown_name(noun, text, option.choices, aliases));
}

std::string parse_word(const Option& option, std::string_view text) {
  if (option.choices.empty()) return std::string(text);
  return std::string(option.choices[parse_choice(option, text)]);
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
constexpr bool kIsWhole =
    std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::optional<std::uint64_t>>;
template <class T>
constexpr bool kIsNumber =
    kIsWhole<T> || std::is_same_v<T, double> || std::is_same_v<T, std::optional<double>>;

/// std::visit for a field that is a member of RunConfig.
template <class Visitor>
auto visit_member(const Visitor& visitor, const Option::Field& field) {
  using Result = decltype(visitor(&RunConfig::network));
  return std::visit(
      [&]<class Member>(Member member) -> Result {
        if constexpr (std::is_member_object_pointer_v<Member>) {
          return visitor(member);
        } else {
          DETOX_ASSERT(false);
          return Result();
        }
      },
      field);
}

/// Whether the value is, or may be, the name of a file or a folder.
bool may_be_path(const Option& option) {
  return option.value.find("FILE") != std::string_view::npos ||
         option.value.find("DIR") != std::string_view::npos;
}

template <class T>
T parse_value(const Option& option, std::string_view text) {
  if constexpr (std::is_same_v<T, bool>) return parse_switch(option, text);
  if constexpr (std::is_same_v<T, std::string>) return parse_word(option, text);
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    return parse_number<T>(option, text, valid_numbers(option, "a whole number from 0"));
  }
  if constexpr (std::is_same_v<T, double>)
    return parse_number<T>(option, text, valid_numbers(option, "a number"));
}

template <class T>
std::string value_text(const T& value) {
  if constexpr (std::is_same_v<T, bool>) return value ? "on" : "off";
  if constexpr (std::is_same_v<T, std::string>) return value;
  if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
    return fmt::format("{}", value);
}

/// Bytes of the UTF-8 character that `text` begins with; 0 where it begins with none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  unsigned code = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
    code = code << 6U | (byte(i) & 0x3fU);
  }
  constexpr unsigned kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return lead < 0xc0 || lead >= 0xf8 || code < kLeast[size] || code > 0x10ffff || surrogate ? 0
                                                                                            : size;
}

bool is_one_line_of_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    if (size == 0 || static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace

void set_option(const Option& option, std::string_view text, RunConfig& config) {
  if (!is_one_line_of_text(text)) {
    throw UsageError(fmt::format(
        "--{} holds control characters or bytes that are no text; valid: one line of UTF-8",
        option.name));
  }
  const std::string path = may_be_path(option) ? with_home(text) : "";
  if (!path.empty()) text = path;
  if (const auto* rule = std::get_if<const RuleOption*>(&option.field))
    return set_rule_option(**rule, text, config.rule, fmt::format("--{}", option.name));
  if (const auto* choice = std::get_if<Choice>(&option.field))
    return choice->write(parse_choice(option, text), config);
  const bool is_empty_word =
      !option.empty_word.empty() && canonical_name(text) == canonical_name(option.empty_word);
  visit_member(
      [&](auto field) {
        auto& value = config.*field;
        using T = std::remove_reference_t<decltype(value)>;
        if (is_empty_word) {
          value = T{};
        } else if constexpr (IsOptional<T>::value) {
          value = parse_value<typename T::value_type>(option, text);
        } else {
          value = parse_value<T>(option, text);
        }
      },
      option.field);
}

std::string option_text(const Option& option, const RunConfig& config) {
  if (const auto* rule = std::get_if<const RuleOption*>(&option.field))
    return rule_option_text(**rule, config.rule);
  if (const auto* choice = std::get_if<Choice>(&option.field))
    return std::string(option.choices[choice->read(config)]);
  return visit_member(
      [&](auto field) -> std::string {
        const auto& value = config.*field;
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (IsOptional<T>::value) {
          return value ? value_text(*value) : std::string(option.empty_word);
        } else {
          const bool is_empty = !option.empty_word.empty() && value == T{};
          return is_empty ? std::string(option.empty_word) : value_text(value);
        }
      },
      option.field);
}

std::string value_form(const Option& option) {
  if (!option.choices.empty()) return fmt::format("{}", fmt::join(option.choices, "|"));
  if (!option.value.empty()) return std::string(option.value);
  if (const auto* rule = std::get_if<const RuleOption*>(&option.field))
    return rule_option_form(**rule);
  const std::string_view kind = visit_member(
      []<class T>(T RunConfig::*) -> std::string_view {
        if constexpr (std::is_same_v<T, bool>) return "on|off";
        if constexpr (kIsWhole<T>) return "N";
        return kIsNumber<T> ? "X" : "TEXT";
      },
      option.field);
  const bool is_word =
      !option.empty_word.empty() && option.empty_word.find(' ') == std::string::npos;
  return is_word ? fmt::format("{}|{}", kind, option.empty_word) : std::string(kind);
}

bool is_number(const Option& option) {
  if (const auto* rule = std::get_if<const RuleOption*>(&option.field))
    return (*rule)->words == nullptr && option.value.empty();
  if (std::holds_alternative<Choice>(option.field)) return false;
  return visit_member([]<class T>(T RunConfig::*) { return kIsNumber<T>; }, option.field);
}

bool is_switch(const Option& option) {
  return std::holds_alternative<bool RunConfig::*>(option.field);
}

std::string config_digest(const RunConfig& config, std::string_view extra) {
  DigestBuilder digest;
  const RunConfig defaults;
  for (const Option& option : train_options()) {
    const std::string text = option_text(option, config);
    const bool is_new = option.is_newer && text == option_text(option, defaults);
    if (option.scope == Scope::kResult && !is_new)
      digest.add(fmt::format("{} = {}\n", option.name, text));
  }
  return hex(digest.add(extra).finish());
}

std::vector<std::string> differences(const RunConfig& here, const RunConfig& there) {
  std::vector<std::string> lines;
  for (const Option& option : train_options()) {
    const std::string a = option_text(option, here), b = option_text(option, there);
    if (option.scope == Scope::kResult && a != b)
      lines.push_back(fmt::format("{}: {} here, {} there", option.name, a, b));
  }
  return lines;
}

}  // namespace detox
