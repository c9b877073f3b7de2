// For rules that compare rows with a point that is no row.
#pragma once

#include <span>

#include "detox/aggregator.hpp"

namespace detox {

/// Squared distances (n) of the rows to point (d), which is finite; infinite for rows that are not.
/// One pass over the data. Views the workspace. The same bits for any number of threads.
std::span<const double> squared_distances_to(const Rows<float>& rows, std::span<const float> point,
                                             AggregationContext& context);
std::span<const double> squared_distances_to(const Rows<double>& rows,
                                             std::span<const double> point,
                                             AggregationContext& context);

}  // namespace detox
