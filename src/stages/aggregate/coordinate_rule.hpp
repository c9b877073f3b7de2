// Driver of the rules that reduce each column by itself: blocks of columns in parallel, one tile of
// memory a thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>

#include "detox/aggregator.hpp"
#include "kernels/order_statistics.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/point_tiles.hpp"
#include "stages/aggregate/points.hpp"
#include "stages/aggregate/row_weights.hpp"

namespace detox {

/// Which of the kernels reduces a sorted column.
struct ColumnReduction {
  std::size_t lo = 0, hi = 0;  ///< the mean of the sorted values [lo, hi), or, where it is not 0,
  std::size_t nearest = 0;     ///< the mean of so many values nearest that mean
};

/// The median of n rows: for even n the mean of the two middle values, or, in the semantics of
/// byzpy, the lower one.
inline ColumnReduction median_reduction(std::size_t n, Semantics semantics = Semantics::kPaper) {
  const std::size_t lower = (n - 1) / 2;
  return {lower, semantics == Semantics::kByzpy ? lower + 1 : n / 2 + 1, 0};
}

/// out (d) = the reduction of every column of the points.
template <class T>
void reduce_columns(const Points<T>& points, const ColumnReduction& reduction, std::span<T> out,
                    AggregationContext& context) {
  const std::size_t n = points.n();
  const bool windowed = reduction.nearest > 0;
  Workspace::Scope scratch(context.workspace);
  const SortPlan plan =
      plan_sort(n, windowed ? 0 : reduction.lo, windowed ? n : reduction.hi,
                scratch.take<Comparator>(network_capacity(n)), scratch.take<bool>(n));
  const std::size_t tile = sort_scratch(n);
  const std::span<T> tiles = scratch.take<T>(tile * context.pool.size());
  for_point_ranges(
      points, out, context,
      [&](const Rows<T>& rows, std::size_t begin, std::size_t end, std::span<T> to,
          std::size_t thread) {
        const ColumnBlock<T> block{rows, begin, end, to};
        const std::span<T> own = tiles.subspan(thread * tile, tile);
        if (windowed) {
          mean_nearest(block, {reduction.lo, reduction.hi, reduction.nearest}, plan, own);
        } else {
          mean_of_sorted(block, plan, own);
        }
      });
}

/// out (d) = the mean over a part of every column's line of weighted values
/// (kernels/order_statistics.hpp).
template <class T>
void reduce_weighted_columns(const Points<T>& points, double lo, double hi, std::span<T> out,
                             AggregationContext& context) {
  const std::size_t n = points.n(), tile = weighted_sort_scratch(n);
  Workspace::Scope scratch(context.workspace);
  const SortPlan plan =
      plan_sort(n, 0, n, scratch.take<Comparator>(network_capacity(n)), scratch.take<bool>(n));
  const std::span<T> tiles = scratch.take<T>(tile * context.pool.size());
  for_point_ranges(points, out, context,
                   [&](const Rows<T>& rows, std::size_t begin, std::size_t end, std::span<T> to,
                       std::size_t thread) {
                     weighted_mean_of_sorted(ColumnBlock<T>{rows, begin, end, to},
                                             {points.weights, lo, hi}, plan,
                                             tiles.subspan(thread * tile, tile));
                   });
}

/// A rule that is one reduction of the columns.
class CoordinateRule : public PointRule<CoordinateRule> {
 protected:
  using PointRule::PointRule;

 private:
  friend PointRule<CoordinateRule>;
  virtual ColumnReduction reduction(std::size_t n) const = 0;
  /// With weights: what is left out at each end of the line of all values, which is `total` long;
  /// half of it for the median. Of rules that take weights alone.
  virtual double trimmed_weight(std::span<const double> /*weights*/, double total,
                                std::span<double> /*scratch*/) const {
    return total / 2;
  }

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* /*report*/) const {
    if (points.weights.empty()) return reduce_columns(points, reduction(points.n()), out, context);
    Workspace::Scope scratch(context.workspace);
    const auto numbers = scratch.take<double>(points.n());
    const double total = total_weight(points.weights, numbers);
    const double trimmed = trimmed_weight(points.weights, total, numbers);
    reduce_weighted_columns(points, trimmed, std::max(trimmed, total - trimmed), out, context);
  }
};

}  // namespace detox
