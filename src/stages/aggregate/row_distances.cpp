#include "stages/aggregate/row_distances.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace detox {
namespace {

constexpr double kTimesTheMedian = 3;

/// The Euclidean distance; scaled, so that no square is too large or too small for a double.
template <class T>
double distance(const T* row, const T* point, std::size_t d) {
  double scale = 0, sum = 0;
  for (std::size_t i = 0; i < d; ++i) {
    if (!std::isfinite(row[i])) return std::numeric_limits<double>::infinity();
    if (!std::isfinite(point[i])) continue;  // most rows are not finite there
    const double difference =
        std::min(std::abs(static_cast<double>(row[i]) - static_cast<double>(point[i])),
                 std::numeric_limits<double>::max());
    if (difference == 0) continue;
    if (difference > scale) {
      sum = 1 + sum * (scale / difference) * (scale / difference);
      scale = difference;
    } else {
      sum += (difference / scale) * (difference / scale);
    }
  }
  return scale * std::sqrt(sum);
}

void judge(RowDistances& distances) {
  std::vector<double> sorted = distances.of_row;
  std::ranges::sort(sorted);
  distances.median = sorted[(sorted.size() - 1) / 2];
  for (std::size_t row = 0; row < distances.of_row.size(); ++row) {
    const double far = distances.of_row[row];
    if (std::isinf(far)) {
      distances.suspect.push_back({row, "not finite"});
    } else if (far > kTimesTheMedian * distances.median) {
      distances.suspect.push_back(
          {row, distances.median > 0
                    ? fmt::format("{:.1f} times as far from the median as half of the rows",
                                  far / distances.median)
                    : "differs, where half of the rows are the same"});
    }
  }
  // Two rows are as far from their mean, but for rounding.
  const bool is_told_apart = sorted.size() > 2 || !distances.suspect.empty();
  if (is_told_apart && sorted.front() != sorted.back()) {
    distances.most_suspect = static_cast<std::size_t>(std::ranges::max_element(distances.of_row) -
                                                      distances.of_row.begin());
  }
}

template <class T>
RowDistances from_median(const Rows<T>& rows, ThreadPool& pool) {
  std::vector<T> median(rows.d);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  make_aggregator("coord-median", {})->aggregate(rows, median, context);
  RowDistances distances;
  distances.of_row.resize(rows.n());
  pool.parallel_for(rows.n(), [&](std::size_t row, std::size_t) {
    distances.of_row[row] = distance(rows.row[row], median.data(), rows.d);
  });
  judge(distances);
  return distances;
}

}  // namespace

RowDistances distances_from_median(const Rows<float>& rows, ThreadPool& pool) {
  return from_median(rows, pool);
}
RowDistances distances_from_median(const Rows<double>& rows, ThreadPool& pool) {
  return from_median(rows, pool);
}

}  // namespace detox
