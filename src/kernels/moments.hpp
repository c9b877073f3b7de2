// Mean and deviation of every column of an (n, d) matrix. Pure; one call, one thread.
#pragma once

#include <cstddef>
#include <span>

#include "detox/rows.hpp"

namespace detox {

/// mean[c - begin] and deviation[c - begin] (ddof 1; 0 over one row) of the columns [begin, begin +
/// mean.size()). The data is read once from memory, and twice from the cache: the deviation is that
/// of the differences to the mean, so it is accurate beside a large one. Sums in double, rows in
/// ascending order.
void column_moments(const Rows<float>& rows, std::size_t begin, std::span<double> mean,
                    std::span<double> deviation);

}  // namespace detox
