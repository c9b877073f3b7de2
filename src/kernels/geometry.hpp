// What is left of n rows where only their lengths and their distances from each other count.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace detox {

/// What a geometry rule, or a step before a rule, knows about n rows. A row with a value that is
/// not finite has an infinite norm and is at infinite distance from all others. A view.
struct Geometry {
  std::size_t n = 0;
  std::span<const double> squared_distances;  ///< (n, n), row-major, symmetric, 0 on the diagonal
  std::span<const double> squared_norms;      ///< (n)
  std::span<const double> row_weights = {};   ///< (n) what rows count for; empty: all the same

  double squared_distance(std::size_t i, std::size_t j) const {
    return squared_distances[i * n + j];
  }
  std::span<const double> distances_of(std::size_t i) const {
    return squared_distances.subspan(i * n, n);
  }
  bool is_finite(std::size_t i) const { return std::isfinite(squared_norms[i]); }
  double row_weight(std::size_t i) const { return row_weights.empty() ? 1 : row_weights[i]; }
};

}  // namespace detox
