// Weighted vector code of order_statistics.cpp: keys are sorted together with the numbers of their
// rows, and weights are looked up by those.
#if defined(DETOX_KERNELS_WEIGHTED_ORDER_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_WEIGHTED_ORDER_INL
#undef DETOX_KERNELS_WEIGHTED_ORDER_INL
#else
#define DETOX_KERNELS_WEIGHTED_ORDER_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/order_statistics-inl.hpp"
#include "kernels/order_statistics.hpp"
#include "kernels/widen-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

/// Sorts keys and carries the numbers along, by the network of a whole sort: it keeps both
/// positions of every comparator.
template <class T>
void sort_numbered_tile(std::span<const Comparator> network, T* keys, KeyOf<T>* numbers) {
  const hn::ScalableTag<T> dt;
  const hn::RebindToSigned<decltype(dt)> d;
  for (const Comparator& comparator : network) {
    const std::size_t low = comparator.low * kSortTile, high = comparator.high * kSortTile;
    for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d)) {
      const auto a = hn::BitCast(d, hn::Load(dt, keys + low + c));
      const auto b = hn::BitCast(d, hn::Load(dt, keys + high + c));
      const auto i = hn::Load(d, numbers + low + c), j = hn::Load(d, numbers + high + c);
      const auto swap = hn::Gt(a, b);
      hn::Store(hn::BitCast(dt, hn::Min(a, b)), dt, keys + low + c);
      hn::Store(hn::BitCast(dt, hn::Max(a, b)), dt, keys + high + c);
      hn::Store(hn::IfThenElse(swap, j, i), d, numbers + low + c);
      hn::Store(hn::IfThenElse(swap, i, j), d, numbers + high + c);
    }
  }
}

/// Weights of the rows of one sorted position.
template <class T>
HWY_INLINE VecDouble weights_at(const double* weights, const KeyOf<T>* numbers) {
  const hn::RebindToSigned<DoubleTag> di;
  const auto narrow_numbers = hn::Load(hn::Rebind<KeyOf<T>, DoubleTag>(), numbers);
  if constexpr (sizeof(T) == 4) {
    return hn::GatherIndex(DoubleTag(), weights, hn::PromoteTo(di, narrow_numbers));
  } else {
    return hn::GatherIndex(DoubleTag(), weights, narrow_numbers);
  }
}

/// One vector of sorted columns with the numbers of their rows.
template <class T>
struct NumberedColumns {
  const T* values;
  const KeyOf<T>* numbers;
  std::size_t n;
};

/// The value at a point of the line, or the mean of the two that meet there.
template <class T>
HWY_INLINE VecDouble value_at(const NumberedColumns<T>& columns, const double* weights,
                              double point, double nothing) {
  const DoubleTag d;
  const auto before = hn::Set(d, point - nothing), behind = hn::Set(d, point + nothing);
  auto low = sorted_at<T>(columns.values), high = low, sum = hn::Zero(d);
  for (std::size_t k = 0; k < columns.n; ++k) {
    const auto value = sorted_at<T>(columns.values + k * kSortTile);
    const auto next = hn::Add(sum, weights_at<T>(weights, columns.numbers + k * kSortTile));
    low = hn::IfThenElse(hn::And(hn::Le(sum, before), hn::Gt(next, before)), value, low);
    high = hn::IfThenElse(hn::And(hn::Le(sum, behind), hn::Gt(next, behind)), value, high);
    sum = next;
  }
  const auto half = hn::Set(d, 0.5);
  return hn::IfThenElse(hn::Eq(low, high), low, hn::Add(hn::Mul(low, half), hn::Mul(high, half)));
}

/// The mean over a part of the line.
template <class T>
HWY_INLINE VecDouble mean_of_part(const NumberedColumns<T>& columns, const WeightedPart& part,
                                  double nothing) {
  const DoubleTag d;
  const auto lo = hn::Set(d, part.lo), hi = hn::Set(d, part.hi), least = hn::Set(d, nothing);
  const auto scale = hn::Set(d, 0.5 / (part.hi - part.lo));  // the sum of doubles cannot overflow
  auto begin = hn::Zero(d), sum = hn::Zero(d), total = hn::Zero(d);
  auto least_value = hn::Zero(d), greatest_value = hn::Zero(d);
  for (std::size_t k = 0; k < columns.n; ++k) {
    const auto value = sorted_at<T>(columns.values + k * kSortTile);
    const auto end =
        hn::Add(begin, weights_at<T>(part.weights.data(), columns.numbers + k * kSortTile));
    const auto inside = hn::Sub(hn::Min(end, hi), hn::Max(begin, lo));
    const auto counts = hn::Gt(inside, least);
    const auto weight = hn::IfThenElseZero(counts, hn::Mul(inside, scale));
    least_value = hn::IfThenElse(hn::And(counts, hn::Eq(total, hn::Zero(d))), value, least_value);
    greatest_value = hn::IfThenElse(counts, value, greatest_value);
    total = hn::Add(total, weight);
    sum = hn::Add(sum, hn::IfThenElseZero(counts, hn::Mul(weight, value)));
    begin = end;
  }
  // Rounded, shares may add up to more than 1.
  const auto mean = hn::Div(sum, total);
  const auto not_below = hn::IfThenElse(hn::Lt(mean, least_value), least_value, mean);
  return hn::IfThenElse(hn::Gt(not_below, greatest_value), greatest_value, not_below);
}

template <class T>
void weighted_columns(const ColumnBlock<T>& block, const WeightedPart& part, const SortPlan& plan,
                      T* scratch) {
  auto* numbers = reinterpret_cast<KeyOf<T>*>(scratch + plan.n * kSortTile);
  T* means = scratch + 2 * plan.n * kSortTile;
  double total = 0;
  for (const double weight : part.weights) total += weight;
  const double nothing = total * kNoWeight;
  for (std::size_t column = block.begin; column < block.end; column += kSortTile) {
    const std::size_t count = std::min(kSortTile, block.end - column);
    load_tile(block.rows, column, count, scratch);
    for (std::size_t row = 0; row < plan.n; ++row)
      std::fill_n(numbers + row * kSortTile, kSortTile, static_cast<KeyOf<T>>(row));
    sort_numbered_tile(plan.network, scratch, numbers);
    restore_tile(0, plan.n, scratch);
    for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(DoubleTag())) {
      const NumberedColumns<T> columns{scratch + c, numbers + c, plan.n};
      const auto mean = part.lo == part.hi
                            ? value_at<T>(columns, part.weights.data(), part.lo, nothing)
                            : mean_of_part<T>(columns, part, nothing);
      finish_column<T>(mean, means + c);
    }
    std::copy_n(means, count, block.out.data() + column);
  }
}

void weighted_mean_of_sorted_float(const ColumnBlock<float>& block, const WeightedPart& part,
                                   const SortPlan& plan, float* scratch) {
  weighted_columns(block, part, plan, scratch);
}
void weighted_mean_of_sorted_double(const ColumnBlock<double>& block, const WeightedPart& part,
                                    const SortPlan& plan, double* scratch) {
  weighted_columns(block, part, plan, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
