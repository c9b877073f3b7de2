#include "stages/aggregate/spread.hpp"

#include <cmath>

#include "stages/aggregate/eigen.hpp"

namespace detox {

WeightedRows take_weighted_rows(std::size_t n, Workspace::Scope& scratch) {
  return {scratch.take<std::uint32_t>(n), scratch.take<double>(n), scratch.take<double>(n),
          scratch.take<double>(n + n * n + eigen_scratch(n))};
}

double top_spread(const Geometry& geometry, const WeightedRows& weighted) {
  const auto& [rows, share, deviation, scratch] = weighted;
  const std::size_t m = rows.size();
  const std::span<double> direction = scratch.first(m), products = scratch.subspan(m, m * m);
  double overall = 0;
  for (std::size_t i = 0; i < m; ++i) {
    deviation[i] = 0;  // the mean squared distance to the others, until the end
    for (std::size_t j = 0; j < m; ++j)
      deviation[i] += share[j] * geometry.squared_distance(rows[i], rows[j]);
    overall += share[i] * deviation[i];
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const double product =
          (deviation[i] + deviation[j] - overall - geometry.squared_distance(rows[i], rows[j])) / 2;
      products[i * m + j] = std::sqrt(share[i]) * product * std::sqrt(share[j]);
    }
  }
  const double variance = top_eigenpair(products, direction, scratch.subspan(m + m * m));
  for (std::size_t i = 0; i < m; ++i) deviation[i] = direction[i] * direction[i] / share[i];
  return variance;
}

}  // namespace detox
