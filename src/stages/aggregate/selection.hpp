// Rules whose result is the mean of some rows.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "detox/workspace.hpp"
#include "stages/aggregate/geometry_rule.hpp"

namespace detox {

/// The `count` finite rows of least score, ties to the lowest index, or all finite rows where these
/// are fewer; and why the others are left out.
struct Least {
  std::span<const double> scores;  ///< (n)
  std::size_t count;
  std::string_view reason;
};

/// Gives weight 1 to those rows. Returns what the combination is divided by: how many, at least 1.
/// Fills the report, if there is one.
double take_least(const Geometry& geometry, const Least& least, Workspace::Scope& scratch,
                  std::span<double> weights, AggregationReport* report);

/// Gives weight 1 and score 0 to the finite rows, weight 0 and an infinite score to the others. How
/// many are finite.
std::size_t keep_finite(const Geometry& geometry, std::span<double> weights,
                        std::span<double> scores);

/// Of the rows of weight other than 0, the one farthest from their mean gets weight 0, ties to the
/// highest index. Their scores become their squared distances to the mean up to what they have in
/// common: the sum of squared distances to the others.
void drop_farthest(const Geometry& geometry, std::span<double> weights, std::span<double> scores);

/// The divisor of the mean of the rows of weight 1, at least 1; fills the report's weights,
/// selected and rejected rows, if there is one.
double mean_of_taken(const Geometry& geometry, std::span<const double> weights,
                     std::string_view reason, AggregationReport* report);

}  // namespace detox
