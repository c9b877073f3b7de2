// How rows vary around their mean, from their distances alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "detox/workspace.hpp"
#include "stages/aggregate/geometry_rule.hpp"

namespace detox {

/// Some finite rows, the shares (adding up to 1) that they have in the mean, and room for what
/// top_spread finds. Views the scratch memory.
struct WeightedRows {
  std::span<std::uint32_t> rows;
  std::span<double> share;
  std::span<double> deviation;  ///< squared, in the direction of most variance, up to a factor
  std::span<double> scratch;
};

/// Room for up to n rows; rows and shares are left to fill in and to shorten with first().
WeightedRows take_weighted_rows(std::size_t n, Workspace::Scope& scratch);

/// The variance (sum of share times squared deviation) in the direction in which the rows vary
/// most; sets deviation. With G the centred products of the rows, the eigenvector u of sqrt(p_i)
/// G_ij sqrt(p_j) gives <x_i - mean, v>^2 = variance u_i^2 / p_i. About 60 m^3 for m rows.
double top_spread(const Geometry& geometry, const WeightedRows& weighted);

}  // namespace detox
