// Mean and deviation of the honest values, coordinate by coordinate.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "detox/rows.hpp"

namespace detox {

/// Coordinates that are worked on at a time.
inline constexpr std::size_t kMomentColumns = 1024;

struct ColumnMoments {
  std::array<double, kMomentColumns> mean, deviation;
};

/// Of the columns [begin, begin + count), count <= kMomentColumns; deviations have ddof 1 and are 0
/// over one row. Two passes over the rows in double, so that deviations are accurate beside a large
/// mean.
void column_moments(const Rows<float>& rows, std::size_t begin, std::size_t count,
                    ColumnMoments& moments);

}  // namespace detox
