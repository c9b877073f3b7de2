// Order statistics of every column of an (n, d) matrix. Values are ordered as: -infinity, negative
// numbers, -0, +0, positive numbers, +infinity, and every NaN last; so results do not depend on the
// order of the rows. Means are taken in double in ascending order, and a NaN result is always the
// same NaN. Pure; one call, one thread.
#pragma once

#include <cstddef>
#include <span>

#include "detox/rows.hpp"
#include "kernels/sorting_network.hpp"

namespace detox {

/// Columns are sorted in tiles of so many.
inline constexpr std::size_t kSortTile = 64;

/// So many values are sorted in registers.
inline constexpr std::size_t kSortGroup = 16;

/// How n values are sorted, of which only positions [lo, hi) matter: at first groups of at most
/// kSortGroup, which are every groups-th value. Views the storage it was made in.
struct SortPlan {
  std::size_t n = 0, lo = 0, hi = 0;
  std::span<const Comparator> network;
  std::size_t groups = 1;         ///< a power of two
  std::size_t within_groups = 0;  ///< comparators at the network's start that only sort groups
};

/// Plans for 1 <= n <= 65535 and lo < hi <= n. storage has network_capacity(n) elements, flags n.
SortPlan plan_sort(std::size_t n, std::size_t lo, std::size_t hi, std::span<Comparator> storage,
                   std::span<bool> flags);

/// Columns [begin, end) of rows, to be written to the same columns of out (d).
template <class T>
struct ColumnBlock {
  Rows<T> rows;
  std::size_t begin = 0, end = 0;
  std::span<T> out;
};

/// Values of type T that scratch must hold for n rows.
constexpr std::size_t sort_scratch(std::size_t n) { return (n + 1) * kSortTile; }

/// out = mean of the sorted values [plan.lo, plan.hi) of each column. Median and trimmed mean are
/// this. Cost: n reads a column and 2 operations a comparator, about n log^2(n) / 2 of them.
void mean_of_sorted(const ColumnBlock<float>& block, const SortPlan& plan,
                    std::span<float> scratch);
void mean_of_sorted(const ColumnBlock<double>& block, const SortPlan& plan,
                    std::span<double> scratch);

/// The `count` values nearest the mean of the sorted values [lo, hi).
struct Nearest {
  std::size_t lo = 0, hi = 0, count = 0;
};

/// out = mean of those values of each column, ties to the lower value. The plan is for [0, n);
/// lo < hi <= n, 1 <= count <= n. Distances to the centre are taken in double.
void mean_nearest(const ColumnBlock<float>& block, Nearest nearest, const SortPlan& plan,
                  std::span<float> scratch);
void mean_nearest(const ColumnBlock<double>& block, Nearest nearest, const SortPlan& plan,
                  std::span<double> scratch);

/// Sorted values laid end to end as intervals as long as the weights of their rows, and a part
/// [lo, hi) of that line.
struct WeightedPart {
  std::span<const double> weights;  ///< (n), at least 0 and at most 1
  double lo = 0, hi = 0;            ///< at least 0, at most the sum of the weights
};

/// Values of type T that scratch must hold for n weighted rows.
constexpr std::size_t weighted_sort_scratch(std::size_t n) { return (2 * n + 1) * kSortTile; }

/// So much of the sum of all weights counts as nothing: rounding decides neither whether two values
/// meet at a point nor whether a value reaches into a part.
inline constexpr double kNoWeight = 0x1p-36;

/// out = mean over that part of each column's line. With lo = hi the value at that point, or the
/// mean of the two values that meet there. The plan is for [0, n). Cost: as a sort of n values,
/// with three times the operations a comparator.
void weighted_mean_of_sorted(const ColumnBlock<float>& block, const WeightedPart& part,
                             const SortPlan& plan, std::span<float> scratch);
void weighted_mean_of_sorted(const ColumnBlock<double>& block, const WeightedPart& part,
                             const SortPlan& plan, std::span<double> scratch);

}  // namespace detox
