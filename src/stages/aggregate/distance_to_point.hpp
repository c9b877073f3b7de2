// For rules that compare points with one that is none of them.
#pragma once

#include <span>

#include "detox/aggregator.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {

/// Squared distances (n) of the points to one more (d), which is finite; infinite for those that
/// are not. One pass over the data. Views the workspace. The same bits for any number of threads.
std::span<const double> squared_distances_to(const Points<float>& points,
                                             std::span<const float> point,
                                             AggregationContext& context);
std::span<const double> squared_distances_to(const Points<double>& points,
                                             std::span<const double> point,
                                             AggregationContext& context);

/// Squared norms (n) alone, in the same way.
std::span<const double> squared_norms(const Points<float>& points, AggregationContext& context);
std::span<const double> squared_norms(const Points<double>& points, AggregationContext& context);

}  // namespace detox
