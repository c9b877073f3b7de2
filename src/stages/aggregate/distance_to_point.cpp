#include "stages/aggregate/distance_to_point.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "kernels/pairwise.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

/// A row and the point are two rows to the kernel. As everywhere, chunks have a fixed size and are
/// added in ascending order.
template <class T>
std::span<const double> distances(const Rows<T>& rows, std::span<const T> point,
                                  AggregationContext& context) {
  constexpr std::size_t kSums = pairwise_sums(2);
  const std::size_t n = rows.n(), chunks = (rows.d + kPairwiseChunk - 1) / kPairwiseChunk;
  const auto partial =
      context.workspace.take<double>(AggregateSlot::kPartialSums, chunks * n * kSums);
  const auto task = [&](std::size_t chunk, std::size_t) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::array<const T*, 2> pair{rows.row[i], point.data()};
      pairwise_chunk(Rows<T>{pair, rows.d}, chunk * kPairwiseChunk,
                     partial.subspan((chunk * n + i) * kSums, kSums));
    }
  };
  context.pool.parallel_for(chunks, std::cref(task));

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

std::span<const double> squared_distances_to(const Rows<float>& rows, std::span<const float> point,
                                             AggregationContext& context) {
  return distances(rows, point, context);
}
std::span<const double> squared_distances_to(const Rows<double>& rows,
                                             std::span<const double> point,
                                             AggregationContext& context) {
  return distances(rows, point, context);
}

}  // namespace detox
