// Options of rules as text: one place that names and checks them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "detox/aggregator.hpp"

namespace detox {

/// What random draws come from where nobody says otherwise.
inline constexpr std::uint64_t kStandardSeed = 428;

/// Sets f, pre, krum-select, bulyan-variant, tolerance, reference-row, clip-radius, clip-rounds,
/// semantics or weight-cap. UsageError for another name or a value that is none.
void set_rule_option(std::string_view name, std::string_view value, RuleOptions& options);

/// "paper", "byzfl" or "byzpy"; UsageError with these for another word.
Semantics parse_semantics(std::string_view value);
std::string_view to_text(Semantics semantics);

/// Whether the rule of this name is another one in these semantics than in the paper's.
bool differs_from_paper(std::string_view rule, Semantics semantics);

/// "120,80,100" -> what each row counts for. UsageError for what is no list of numbers; whether
/// they can be weights, unmet_weights says.
std::vector<double> parse_weights(std::string_view text);

/// The names of the rules that take weights, joined by commas.
std::string weighted_rules();

/// A whole number, at least 0; UsageError with the name for other text.
std::uint64_t parse_count(std::string_view name, std::string_view value);

}  // namespace detox
