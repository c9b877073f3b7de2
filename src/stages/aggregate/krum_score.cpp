#include "stages/aggregate/krum_score.hpp"

#include <algorithm>
#include <numeric>

namespace detox {

std::span<double> krum_scores(const Geometry& geometry, std::size_t neighbours,
                              Workspace::Scope& scratch) {
  const std::size_t n = geometry.n;
  const auto scores = scratch.take<double>(n);
  Workspace::Scope within(scratch.workspace());
  const auto nearest = within.take<double>(n - 1);
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<const double> distances = geometry.distances_of(i);
    // The row itself is left out by its index: a copy of it is a neighbour at distance 0.
    std::copy_n(distances.begin(), i, nearest.begin());
    std::copy(distances.begin() + static_cast<std::ptrdiff_t>(i) + 1, distances.end(),
              nearest.begin() + static_cast<std::ptrdiff_t>(i));
    const auto end = nearest.begin() + static_cast<std::ptrdiff_t>(neighbours);
    std::partial_sort(nearest.begin(), end, nearest.end());
    scores[i] = std::accumulate(nearest.begin(), end, 0.0);
  }
  return scores;
}

std::span<std::uint32_t> rows_by_score(const Geometry& geometry, std::span<const double> scores,
                                       Workspace::Scope& scratch) {
  const auto order = scratch.take<std::uint32_t>(geometry.n);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (geometry.is_finite(a) != geometry.is_finite(b)) return geometry.is_finite(a);
    if (scores[a] != scores[b]) return scores[a] < scores[b];
    return a < b;
  });
  return order;
}

}  // namespace detox
