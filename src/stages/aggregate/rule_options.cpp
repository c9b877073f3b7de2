#include "stages/aggregate/rule_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <type_traits>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using Value = RuleOption::Value;

template <auto Member>
using MemberType = std::remove_cvref_t<decltype(RuleOptions().*Member)>;

template <auto Member>
Value read_member(const RuleOptions& options) {
  const auto& value = options.*Member;
  if constexpr (std::is_enum_v<MemberType<Member>>) {
    return static_cast<std::uint64_t>(value);
  } else {
    return value;
  }
}

template <auto Member>
void write_member(const Value& value, RuleOptions& options) {
  using T = MemberType<Member>;
  if constexpr (std::is_enum_v<T>) {
    options.*Member = static_cast<T>(std::get<std::uint64_t>(value));
  } else {
    options.*Member = std::get<T>(value);
  }
}

template <class E>
std::vector<std::string_view> listed_words() {
  constexpr auto kWords = words_of(E());
  return {kWords.begin(), kWords.end()};
}

template <auto Member>
constexpr RuleOption of(std::string_view name, RuleOption rest) {
  rest.name = name;
  rest.read = read_member<Member>;
  rest.write = write_member<Member>;
  if constexpr (HasWords<MemberType<Member>>) rest.words = listed_words<MemberType<Member>>;
  return rest;
}

constexpr Range kFromZero{.least = 0, .whole = true};
constexpr Range kAboveZero{.least = 0, .above_least = true};

using R = RuleOptions;
constexpr RuleOption kOptions[] = {
    of<&R::f>("f", {.range = {.least = 0, .most = kMostRows, .whole = true},
                    .help = "how many hostile rows the rule must survive",
                    .of_plan = true}),
    of<&R::pre>("pre", {.empty_word = "none",
                        .help = "what is done to the rows before the rule sees them, in this "
                                "order, joined by commas: "}),
    of<&R::krum_select>("krum-select", {.range = kFromZero,
                                        .empty_word = "auto",
                                        .help = "m of multi-krum; auto: n - f - 2, under "
                                                "--semantics byzfl or byzpy n - f"}),
    of<&R::bulyan_variant>("bulyan-variant",
                           {.help = "paper: El Mhamdi et al. 2018; detox: the original's one-shot "
                                    "form"}),
    of<&R::tolerance>("tolerance",
                      {.range = {.least = 0, .most = 1, .above_least = true, .below_most = true},
                       .help = "how far geometric-median may stay from its point, relative to the "
                               "distances of the rows"}),
    of<&R::reference_row>("reference-row",
                          {.range = kFromZero,
                           .help = "monna: the row to trust, in training that of a slice, from 0"}),
    of<&R::clip_radius>("clip-radius", {.range = kAboveZero, .help = "tau of centered-clipping"}),
    of<&R::clip_rounds>("clip-rounds",
                        {.range = {.least = 1, .most = 1000, .whole = true},
                         .empty_word = "auto",
                         .help = "L of centered-clipping; auto: 1, under --semantics byzpy 10"}),
    of<&R::semantics>("semantics",
                      {.help = "whose definition of a rule, where ByzFL's and ByzPy's are not the "
                               "paper's (docs/rules.md)"}),
    of<&R::weight_cap>("weight-cap", {.range = {.least = 1},
                                      .help = "no row counts for more than so many times its equal "
                                              "share, 1/n"}),
};

bool holds_steps(const RuleOption& option) {
  return std::holds_alternative<std::vector<PreStep>>(option.read({}));
}

/// Numbers as numbers.
std::string value_text(const Value& value) {
  if (const auto* steps = std::get_if<std::vector<PreStep>>(&value)) return to_text(*steps);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return fmt::format("{}", std::get<std::uint64_t>(value));
}

template <class T>
bool parses(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::string refusal(std::string_view called, std::string_view text, std::string_view valid) {
  return fmt::format("{} is '{}'; valid: {}", called, printable(text), valid);
}

[[noreturn]] void refuse(std::string_view called, std::string_view text, std::string_view valid) {
  throw UsageError(refusal(called, text, valid));
}

template <class Number>
Number parse_number(const RuleOption& option, std::string_view text, std::string_view called) {
  Number number{};
  if (parses(text, number) && option.range.contains(static_cast<double>(number))) return number;
  refuse(called, text, rule_option_values(option));
}

std::uint64_t parse_word(const RuleOption& option, std::string_view text, std::string_view called) {
  const std::vector<std::string_view> words = option.words();
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (canonical_name(words[i]) == canonical_name(text)) return i;
  }
  throw UsageError(unknown_name(fmt::format("value of {}", called), text, words));
}

/// Whether a member that is no list of steps may have this value.
bool takes(const RuleOption& option, const Value& value) {
  if (option.words != nullptr) return std::get<std::uint64_t>(value) < option.words().size();
  const bool is_whole = std::holds_alternative<std::uint64_t>(value);
  const double number =
      is_whole ? static_cast<double>(std::get<std::uint64_t>(value)) : std::get<double>(value);
  return option.range.contains(number) || (number == 0 && !option.empty_word.empty());
}

Value parse_value(const RuleOption& option, std::string_view text, std::string_view called) {
  const Value kind = option.read({});
  if (holds_steps(option)) return parse_pre_steps(text);
  if (option.words != nullptr) return parse_word(option, text, called);
  const bool is_empty =
      !option.empty_word.empty() && canonical_name(text) == canonical_name(option.empty_word);
  if (std::holds_alternative<double>(kind))
    return is_empty ? 0.0 : parse_number<double>(option, text, called);
  return is_empty ? 0 : parse_number<std::uint64_t>(option, text, called);
}

std::string step_names() {
  std::string names;
  for (const PreInfo& info : pre_aggregators()) {
    const std::vector<PreStep> as_standard = {{&info, info.standard}};
    names +=
        fmt::format("{}{} ({})", names.empty() ? "" : ", ", to_text(as_standard), info.requirement);
  }
  return names;
}

}  // namespace

std::span<const RuleOption> rule_options() { return kOptions; }

const RuleOption& find_rule_option(std::string_view name) {
  return find_by_name("option", name, rule_options());
}

void set_rule_option(const RuleOption& option, std::string_view text, RuleOptions& options,
                     std::string_view called) {
  option.write(parse_value(option, text, called), options);
}

void set_rule_option(std::string_view name, std::string_view text, RuleOptions& options) {
  const RuleOption& option = find_rule_option(name);
  set_rule_option(option, text, options, option.name);
}

std::string unmet_options(const RuleOptions& options) {
  for (const RuleOption& option : rule_options()) {
    if (holds_steps(option)) {
      std::string unmet = unmet_steps(options.pre);
      if (!unmet.empty()) return unmet;
      continue;
    }
    const Value value = option.read(options);
    if (!takes(option, value))
      return refusal(option.name, value_text(value), rule_option_values(option));
  }
  return {};
}

std::string rule_option_text(const RuleOption& option, const RuleOptions& options) {
  const Value value = option.read(options);
  if (const auto* whole = std::get_if<std::uint64_t>(&value)) {
    if (option.words != nullptr) return std::string(option.words().at(*whole));
    if (*whole == 0 && !option.empty_word.empty()) return std::string(option.empty_word);
  }
  return value_text(value);
}

std::string rule_option_help(const RuleOption& option) {
  return std::string(option.help) + (holds_steps(option) ? step_names() : "");
}

std::string rule_option_form(const RuleOption& option) {
  if (option.words != nullptr) return fmt::format("{}", fmt::join(option.words(), "|"));
  if (holds_steps(option)) return "STEPS";
  return fmt::format("{}{}{}", option.range.whole ? "N" : "X", option.empty_word.empty() ? "" : "|",
                     option.empty_word);
}

std::string rule_option_values(const RuleOption& option) {
  if (option.words != nullptr) return fmt::format("{}", fmt::join(option.words(), ", "));
  if (holds_steps(option)) return "steps joined by commas or none";
  return fmt::format("{}{}{}", option.range.words(), option.empty_word.empty() ? "" : " or ",
                     option.empty_word);
}

bool reads_option(const RuleInfo& rule, std::string_view option, Semantics semantics) {
  if (std::ranges::find(rule.reads, option) != rule.reads.end()) return true;
  return !differs_from_paper(rule, semantics) &&
         std::ranges::find(rule.reads_as_paper, option) != rule.reads_as_paper.end();
}

bool differs_from_paper(const RuleInfo& rule, Semantics semantics) {
  return (semantics == Semantics::kByzfl && rule.differs_in_byzfl) ||
         (semantics == Semantics::kByzpy && rule.differs_in_byzpy);
}

std::vector<double> parse_weights(std::string_view text) {
  std::vector<double> weights;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!parses(word, weights.emplace_back())) {
      throw UsageError(
          fmt::format("weights '{}'; valid: a number a row, joined by commas, as 120,80,100",
                      printable(word, 40)));
    }
    begin = end + 1;
  }
  return weights;
}

std::string weighted_rules() {
  return rules_with([](const RuleInfo& rule) { return rule.takes_weights; });
}

std::uint64_t parse_count(std::string_view name, std::string_view value) {
  std::uint64_t number = 0;
  if (!parses(value, number)) refuse(name, value, kFromZero.words());
  return number;
}

}  // namespace detox
