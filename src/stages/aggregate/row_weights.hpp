// What rows count for: the caller's weights, checked and capped.
#pragma once

#include <cstddef>
#include <span>

#include "detox/aggregator.hpp"

namespace detox {

/// context.weights as the rule uses them: up to a factor, at most 1, none of them more than
/// options.weight_cap / n of their sum. Empty where the rows count the same. Views the scratch
/// memory. UsageError as unmet_weights. O(n log n).
std::span<const double> usable_weights(const RuleInfo& rule, const RuleOptions& options,
                                       std::size_t n, const AggregationContext& context,
                                       Workspace::Scope& scratch);

/// The sum of the `count` greatest weights. scratch has as many elements.
double heaviest(std::span<const double> weights, std::size_t count, std::span<double> scratch);

/// In ascending order, so that only the weights matter and not their order. scratch as above.
double total_weight(std::span<const double> weights, std::span<double> scratch);

}  // namespace detox
