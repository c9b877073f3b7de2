// A chain of pre-aggregation steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "detox/aggregator.hpp"
#include "kernels/geometry.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {

/// Steps as they were asked for and as they are.
struct Chain {
  std::span<const PreStep> asked;
  std::span<const std::unique_ptr<PreAggregator>> steps;

  std::size_t points_after(std::size_t step, std::size_t n) const {
    return asked[step].info->points_after(n, asked[step].parameter);
  }
};

/// What a chain made of the rows. The points view scratch memory and `geometry`, so this does not
/// move.
template <class T>
struct Mixture {
  Points<T> points;
  Geometry geometry;                      ///< where points.geometry points to
  std::span<const std::uint32_t> owners;  ///< (m) the point that stands for each row
};

/// Applies the steps to points that are rows. Steps see the data only through distances and norms:
/// one pass for the first, and one more for each that comes after a step that scales.
void apply(const Chain& chain, const Points<float>& rows, AggregationContext& context,
           Workspace::Scope& scratch, Mixture<float>& mixture);
void apply(const Chain& chain, const Points<double>& rows, AggregationContext& context,
           Workspace::Scope& scratch, Mixture<double>& mixture);

/// From a report about points to one about rows: weights are those of the rows in the result,
/// selected are the rows that a selected point is made of, and the score of a row and the reason
/// why it is none of those are the ones of the point that stands for it.
void report_on_rows(std::span<const double> mix, std::span<const std::uint32_t> owners,
                    AggregationReport& report);

}  // namespace detox
