#include "stages/aggregate/distance_to_point.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "kernels/pairwise.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/point_tiles.hpp"

namespace detox {
namespace {

/// Squared norms of the points, or, where there is an `other`, distances to it: one of the points
/// and the other are two rows to the kernel. As everywhere, chunks have a fixed size and are added
/// in ascending order.
template <class T>
void distances(const Points<T>& points, const T* other, std::span<double> squared,
               AggregationContext& context) {
  const std::size_t n = points.n(), d = points.d(), rows_at_once = other == nullptr ? 1 : 2;
  const std::size_t of_pair = pairwise_sums(rows_at_once);
  const std::size_t chunks = (d + kPairwiseChunk - 1) / kPairwiseChunk;
  Workspace::Scope scratch(context.workspace);
  const auto partial = scratch.take<double>(chunks * n * of_pair);
  std::optional<PointTiles<T>> tiles;
  std::optional<RowReader<T>> reader;
  std::size_t columns = tile_columns<T>(n, kPairwiseChunk);
  if (points.is_mixed()) {
    tiles.emplace(points, columns, context.pool.size(), scratch);
  } else {
    reader.emplace(points, kWidenedColumns, context.pool.size(), scratch);
    columns = reader->columns(kPairwiseChunk);
  }
  const auto add_tile = [&](std::size_t begin, std::size_t end, std::size_t thread) {
    const std::size_t count = end - begin;
    const Columns<T> part = tiles ? Columns<T>{tiles->form(begin, end, thread), 0, count}
                                  : reader->read(begin, end, thread);
    for (std::size_t i = 0; i < n; ++i) {
      const T* row = part.rows.row[i] + part.begin;
      const std::array<const T*, 2> pair{row, other == nullptr ? row : other + begin};
      const Rows<T> rows{std::span(pair).first(rows_at_once), count};
      const std::span<double> sums =
          partial.subspan((begin / kPairwiseChunk * n + i) * of_pair, of_pair);
      if (!tiles) {
        add_pairwise_columns(rows, 0, count, d, sums);
        continue;
      }
      std::array<double, pairwise_sums(2)> found{};
      pairwise_columns(rows, 0, count, d, std::span(found).first(of_pair));
      for (std::size_t k = 0; k < of_pair; ++k) sums[k] += found[k];
    }
  };
  for_column_ranges(
      d, context.pool,
      [&](std::size_t begin, std::size_t end, std::size_t thread) {
        std::ranges::fill(partial.subspan(begin / kPairwiseChunk * n * of_pair, n * of_pair), 0.0);
        for (; begin < end; begin += columns)
          add_tile(begin, std::min(end, begin + columns), thread);
      },
      kPairwiseChunk);

  for (std::size_t i = 0; i < n; ++i) {
    double norm = 0, distance = 0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      const auto found = partial.subspan((chunk * n + i) * of_pair, of_pair);
      norm += found[norm_index(0)];
      if (other != nullptr) distance += found[distance_index(0, 1)];
    }
    const double sum = other == nullptr ? norm : distance;
    squared[i] = norm <= kGreatestSquaredNorm ? sum : std::numeric_limits<double>::infinity();
  }
}

}  // namespace

void squared_distances_to(const Points<float>& points, std::span<const float> point,
                          std::span<double> squared, AggregationContext& context) {
  distances(points, point.data(), squared, context);
}
void squared_distances_to(const Points<double>& points, std::span<const double> point,
                          std::span<double> squared, AggregationContext& context) {
  distances(points, point.data(), squared, context);
}

void squared_norms(const Points<float>& points, std::span<double> squared,
                   AggregationContext& context) {
  distances<float>(points, nullptr, squared, context);
}
void squared_norms(const Points<double>& points, std::span<double> squared,
                   AggregationContext& context) {
  distances<double>(points, nullptr, squared, context);
}

}  // namespace detox
