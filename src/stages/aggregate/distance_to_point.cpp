#include "stages/aggregate/distance_to_point.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "kernels/pairwise.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/point_tiles.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

/// One of the points and the other are two rows to the kernel. As everywhere, chunks have a fixed
/// size and are added in ascending order.
template <class T>
std::span<const double> distances(const Points<T>& points, std::span<const T> other,
                                  AggregationContext& context) {
  constexpr std::size_t kSums = pairwise_sums(2);
  const std::size_t n = points.n();
  const std::size_t columns =
      points.is_mixed() ? tile_columns<T>(n, kPairwiseChunk) : kPairwiseChunk;
  const std::size_t chunks = (points.d() + columns - 1) / columns;
  const auto partial =
      context.workspace.take<double>(AggregateSlot::kPartialSums, chunks * n * kSums);
  std::optional<PointTiles<T>> tiles;
  if (points.is_mixed()) tiles.emplace(points, columns, context);
  for_column_ranges(
      points.d(), context.pool,
      [&](std::size_t begin, std::size_t end, std::size_t thread) {
        Rows<T> rows = points.rows;
        if (tiles) rows = tiles->form(begin, end, thread);
        for (std::size_t i = 0; i < n; ++i) {
          const T* row = tiles ? rows.row[i] : rows.row[i] + begin;
          const std::array<const T*, 2> pair{row, other.data() + begin};
          pairwise_chunk(Rows<T>{pair, end - begin}, 0,
                         partial.subspan((begin / columns * n + i) * kSums, kSums));
        }
      },
      columns);

  const auto sums = context.workspace.take<double>(AggregateSlot::kDistances, n);
  for (std::size_t i = 0; i < n; ++i) {
    double norm = 0, distance = 0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      const auto found = partial.subspan((chunk * n + i) * kSums, kSums);
      norm += found[norm_index(0)];
      distance += found[distance_index(0, 1)];
    }
    sums[i] = norm <= kGreatestSquaredNorm ? distance : std::numeric_limits<double>::infinity();
  }
  return sums;
}

}  // namespace

std::span<const double> squared_distances_to(const Points<float>& points,
                                             std::span<const float> point,
                                             AggregationContext& context) {
  return distances(points, point, context);
}
std::span<const double> squared_distances_to(const Points<double>& points,
                                             std::span<const double> point,
                                             AggregationContext& context) {
  return distances(points, point, context);
}

}  // namespace detox
