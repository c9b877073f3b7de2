// The point with the least sum of distances to some rows, found on their squared distances alone.
#pragma once

#include <cstddef>
#include <span>

#include "stages/aggregate/geometry_rule.hpp"

namespace detox {

/// Rows of which a point is a combination. Those that are not used have weight 0 and count nowhere;
/// those that are used are finite.
struct RowsInUse {
  const Geometry& geometry;
  std::span<const bool> used;  ///< (n)
};

/// distances (n) = the distance of every finite row, in use or not, to the point sum of weights[j]
/// * x_j, where the weights add up to 1: |x_i - z|^2 = sum_j w_j D_ij - sum_jk w_j w_k D_jk / 2.
/// The others get 0. O(n^2).
void distances_to(const RowsInUse& rows, std::span<const double> weights,
                  std::span<double> distances);

/// Doubles that find_central_point needs for n rows.
constexpr std::size_t central_point_scratch(std::size_t n) { return 9 * n; }

/// Moves the point with these weights to where the sum of its distances to the rows in use, each
/// times what the row counts for, is least, each distance r below `smoothing` taken as (r^2 /
/// smoothing + smoothing) / 2. Ends when Newton's step, and so what is left to go, is at most
/// `accuracy`, or when the sum does not fall any more, or after 100 rounds. A round is O(n^2) times
/// the steps of conjugate gradients that it takes, at most 100 and usually fewer than 10.
void find_central_point(const RowsInUse& rows, double smoothing, double accuracy,
                        std::span<double> weights, std::span<double> scratch);

}  // namespace detox
