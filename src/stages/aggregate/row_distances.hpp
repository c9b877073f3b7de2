// Which rows of an array stand out, whatever rule reduces it.
#pragma once

#include <optional>
#include <vector>

#include "detox/aggregator.hpp"

namespace detox {

struct RowDistances {
  std::vector<double> of_row;  ///< from the coordinate-wise median; infinite where not finite
  double median = 0;           ///< of these: the lower one of two
  std::vector<AggregationReport::Rejection> suspect;  ///< ascending
  std::optional<std::size_t> most_suspect;            ///< nothing where all are as far
};

/// Rows that are not finite are suspect, and those more than three times as far as the median row:
/// with fewer than half of the rows hostile, that is no farther than some honest row. Rows (n, d),
/// n >= 1; one pass to find the median and one to compare.
RowDistances distances_from_median(const Rows<float>& rows, ThreadPool& pool);
RowDistances distances_from_median(const Rows<double>& rows, ThreadPool& pool);

}  // namespace detox
