// The one table of what rules can be told. `train`, `aggregate`, the C interface, what workers are
// told, notices, help and documents go through it: another option is a member of RuleOptions, a
// line here and what the rule's file makes of it. Rules name the options that they read in
// rules.def.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/range.hpp"
#include "base/words.hpp"
#include "detox/aggregator.hpp"

namespace detox {

/// What random draws come from where nobody says otherwise.
inline constexpr std::uint64_t kStandardSeed = 428;

struct RuleOption {
  /// Of a word its place among the words.
  using Value = std::variant<std::uint64_t, double, std::vector<PreStep>>;

  std::string_view name = {};
  Value (*read)(const RuleOptions& options) = nullptr;
  void (*write)(const Value& value, RuleOptions& options) = nullptr;
  Range range = {};                  ///< of a number
  std::string_view empty_word = {};  ///< stands for 0, which may be out of range: auto
  std::vector<std::string_view> (*words)() = nullptr;  ///< of an enumeration; null: no such
  std::string_view help = {};
  bool of_plan = false;   ///< in training it follows from other options
  bool is_newer = false;  ///< than runs that go on: Option::is_newer
};

/// In the order of the help.
std::span<const RuleOption> rule_options();

/// UsageError for a name that is none, with the nearest.
const RuleOption& find_rule_option(std::string_view name);

/// Reads text into the option's member. UsageError for a value that is none, in one line which
/// calls the option `called`.
void set_rule_option(const RuleOption& option, std::string_view text, RuleOptions& options,
                     std::string_view called);
void set_rule_option(std::string_view name, std::string_view text, RuleOptions& options);

/// Empty, or of the first value that set_rule_option would refuse what it would say. For callers
/// who write members themselves: the constructor of every rule asks.
std::string unmet_options(const RuleOptions& options);

/// The value as set_rule_option reads it back, with every bit.
std::string rule_option_text(const RuleOption& option, const RuleOptions& options);

/// What help says: with the names that the value may have where a registry has them.
std::string rule_option_help(const RuleOption& option);
/// What help shows for the value: words between bars, N a whole number, X a number, STEPS.
std::string rule_option_form(const RuleOption& option);
/// Which values it takes, as a refusal and documents say it.
std::string rule_option_values(const RuleOption& option);

/// The rule where the user names none.
inline constexpr std::string_view kStandardRule = "coord-median";

/// Whether the rule's result depends on the option of this name, in these semantics.
bool reads_option(const RuleInfo& rule, std::string_view option, Semantics semantics);

constexpr auto words_of(Semantics) {
  return std::to_array<std::string_view>({"paper", "byzfl", "byzpy"});
}
constexpr auto words_of(BulyanVariant) {
  return std::to_array<std::string_view>({"paper", "detox"});
}

/// Whether the rule is another one in these semantics than in the paper's.
bool differs_from_paper(const RuleInfo& rule, Semantics semantics);

/// The names of the rules with this trait, joined.
template <class Trait>
std::string rules_with(const Trait& trait, std::string_view joint = ", ") {
  std::string names;
  for (const RuleInfo& rule : rules()) {
    if (trait(rule)) names += std::string(names.empty() ? "" : joint) + std::string(rule.name);
  }
  return names;
}

/// "120,80,100" -> what each row counts for. UsageError for what is no list of numbers; whether
/// they can be weights, unmet_weights says.
std::vector<double> parse_weights(std::string_view text);

/// The names of the rules that take weights, joined by commas.
std::string weighted_rules();

/// A whole number, at least 0; UsageError with the name for other text.
std::uint64_t parse_count(std::string_view name, std::string_view value);

}  // namespace detox
