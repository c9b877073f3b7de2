// For rules that compare points with one that is none of them.
#pragma once

#include <span>

#include "detox/aggregator.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {

/// squared (n) = the squared distances of the points to one more (d), which is finite; infinite for
/// those that are not. One pass over the data. The same bits for any number of threads.
void squared_distances_to(const Points<float>& points, std::span<const float> point,
                          std::span<double> squared, AggregationContext& context);
void squared_distances_to(const Points<double>& points, std::span<const double> point,
                          std::span<double> squared, AggregationContext& context);

/// The squared norms (n) alone, in the same way.
void squared_norms(const Points<float>& points, std::span<double> squared,
                   AggregationContext& context);
void squared_norms(const Points<double>& points, std::span<double> squared,
                   AggregationContext& context);

}  // namespace detox
