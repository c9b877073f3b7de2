// Vector code of order_statistics.cpp: means of sorted columns, taken in double.
#if defined(DETOX_KERNELS_ORDER_STATISTICS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_ORDER_STATISTICS_INL
#undef DETOX_KERNELS_ORDER_STATISTICS_INL
#else
#define DETOX_KERNELS_ORDER_STATISTICS_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "kernels/order_statistics.hpp"
#include "kernels/sort_columns-inl.hpp"
#include "kernels/vectors-inl.hpp"
#include "kernels/widen-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

/// One sorted position as doubles.
template <class T>
HWY_INLINE VecDouble sorted_at(const T* values) {
  const hn::Rebind<T, DoubleTag> d;
  return widen<T>(hn::Load(d, values));
}

/// The lanes where a sum of up to 1024 such doubles could overflow. Sums of floats cannot.
HWY_INLINE hn::Mask<DoubleTag> is_large(VecDouble value) {
  return hn::Not(hn::Lt(hn::Abs(value), hn::Set(DoubleTag(), 0x1p1000)));
}

/// What the values are multiplied by before they are added: a power of two.
HWY_INLINE VecDouble safe_scale(hn::Mask<DoubleTag> large) {
  const DoubleTag d;
  return hn::IfThenElse(large, hn::Set(d, 0x1p-10), hn::Set(d, 1.0));
}

/// Some vectors of columns side by side: what a loop costs besides is shared.
inline constexpr std::size_t kAtOnce = 4;
using Columns = Vectors<VecDouble, kAtOnce>;
inline constexpr std::size_t kColumnsAtOnce = kAtOnce * hn::MaxLanes(DoubleTag());
static_assert(kSortTile % kColumnsAtOnce == 0);

/// f(k) for every vector k of Columns.
template <class F>
HWY_INLINE void for_vectors(const F& f) {
#pragma GCC unroll 4
  for (std::size_t k = 0; k < kAtOnce; ++k) f(k);
}

/// One sorted position of the k-th vector of columns.
template <class T>
HWY_INLINE VecDouble sorted_at(const T* values, std::size_t position, std::size_t k) {
  return sorted_at<T>(values + position * kSortTile + k * hn::Lanes(DoubleTag()));
}

/// Mean of the positions [lo, hi).
template <class T>
HWY_INLINE Columns mean_between(const T* values, std::size_t lo, std::size_t hi) {
  const DoubleTag d;
  Columns sum, scale;
  for_vectors([&](std::size_t k) HWY_ATTR {
    sum[k] = sorted_at<T>(values, lo, k);
    if (sizeof(T) == 4) return;
    const auto high = sorted_at<T>(values, hi - 1, k);
    scale[k] = safe_scale(hn::Or(is_large(sum[k]), is_large(high)));
    sum[k] = hn::Mul(sum[k], scale[k]);
  });
  for (std::size_t position = lo + 1; position < hi; ++position) {
    for_vectors([&](std::size_t k) HWY_ATTR {
      const auto value = sorted_at<T>(values, position, k);
      sum[k] = hn::Add(sum[k], sizeof(T) == 4 ? value : hn::Mul(value, scale[k]));
    });
  }
  const auto count = hn::Set(d, static_cast<double>(hi - lo));
  for_vectors([&](std::size_t k) HWY_ATTR {
    if (hi - lo > 1) sum[k] = hn::Div(sum[k], count);
    if (sizeof(T) == 8) sum[k] = hn::Div(sum[k], scale[k]);
  });
  return sum;
}

/// Where the windows of the `count` values nearest a centre start: after every value that is
/// farther from the centre than the one `count` places above it.
template <class T>
HWY_INLINE Columns window_starts(const T* values, std::size_t n, Nearest nearest) {
  const DoubleTag d;
  const auto centre = mean_between<T>(values, nearest.lo, nearest.hi);
  const auto one = hn::Set(d, 1.0);
  Columns start;
  for_vectors([&](std::size_t k) HWY_ATTR { start[k] = hn::Zero(d); });
  for (std::size_t position = 0; position + nearest.count < n; ++position) {
    for_vectors([&](std::size_t k) HWY_ATTR {
      const auto below = hn::Sub(centre[k], sorted_at<T>(values, position, k));
      const auto above = hn::Sub(sorted_at<T>(values, position + nearest.count, k), centre[k]);
      start[k] = hn::Add(start[k], hn::IfThenElseZero(hn::Lt(above, below), one));
    });
  }
  return start;
}

/// Mean of the nearest `count` sorted values, which are neighbours.
template <class T>
HWY_INLINE Columns mean_of_window(const T* values, std::size_t n, Nearest nearest) {
  const DoubleTag d;
  const std::size_t count = nearest.count;
  const auto counted = hn::Set(d, static_cast<double>(count));
  const Columns start = window_starts<T>(values, n, nearest);
  Columns sum, scale;
  for_vectors([&](std::size_t k) HWY_ATTR {
    sum[k] = hn::Zero(d);
    scale[k] = hn::Set(d, 1.0);
  });
  for (std::size_t position = 0; position < n && sizeof(T) == 8; ++position) {
    const auto here = hn::Set(d, static_cast<double>(position));
    for_vectors([&](std::size_t k) HWY_ATTR {
      const auto end = hn::Add(start[k], counted);
      const auto inside = hn::And(hn::Ge(here, start[k]), hn::Lt(here, end));
      const auto large = hn::And(inside, is_large(sorted_at<T>(values, position, k)));
      scale[k] = hn::IfThenElse(large, hn::Set(d, 0x1p-10), scale[k]);
    });
  }
  for (std::size_t position = 0; position < n; ++position) {
    const auto here = hn::Set(d, static_cast<double>(position));
    // A window can start behind a position only where `count` values are left, and end before it
    // only behind as many.
    const bool may_start = position + count <= n, may_end = position >= count;
    for_vectors([&](std::size_t k) HWY_ATTR {
      auto value = sorted_at<T>(values, position, k);
      if (sizeof(T) == 8) value = hn::Mul(value, scale[k]);
      auto next = hn::Add(sum[k], value);
      if (may_start) {
        // The first value replaces the zero: -0 + -0 must stay -0.
        next = hn::IfThenElse(hn::Eq(here, start[k]), value, next);
        next = hn::IfThenElse(hn::Ge(here, start[k]), next, sum[k]);
      }
      if (may_end) next = hn::IfThenElse(hn::Lt(here, hn::Add(start[k], counted)), next, sum[k]);
      sum[k] = next;
    });
  }
  for_vectors([&](std::size_t k) HWY_ATTR {
    sum[k] = hn::Div(sum[k], counted);
    if (sizeof(T) == 8) sum[k] = hn::Div(sum[k], scale[k]);
  });
  return sum;
}

template <class T>
HWY_INLINE void finish_column(VecDouble mean, T* out) {
  const DoubleTag d;
  const auto nan = hn::Set(d, std::numeric_limits<double>::quiet_NaN());
  store_narrow<T>(hn::IfThenElse(hn::IsNaN(mean), nan, mean), out);
}

template <class T>
HWY_INLINE void finish_columns(const Columns& means, T* out) {
  for_vectors([&](std::size_t k)
                  HWY_ATTR { finish_column<T>(means[k], out + k * hn::Lanes(DoubleTag())); });
}

#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR  // these lack halves of vectors
using FloatTag = hn::ScalableTag<float>;

/// (a + b) / 2 in double.
HWY_INLINE hn::Vec<FloatTag> midpoint(hn::Vec<FloatTag> a, hn::Vec<FloatTag> b) {
  const hn::Half<FloatTag> dh;
  const auto half = hn::Set(DoubleTag(), 0.5);
  const auto lower =
      hn::Add(widen<float>(hn::LowerHalf(dh, a)), widen<float>(hn::LowerHalf(dh, b)));
  const auto upper =
      hn::Add(widen<float>(hn::UpperHalf(dh, a)), widen<float>(hn::UpperHalf(dh, b)));
  return hn::Combine(FloatTag(), narrow(hn::Mul(upper, half)), narrow(hn::Mul(lower, half)));
}

/// One vector of columns of floats; the pointers hold a whole vector from `column` on.
template <std::size_t N>
HWY_INLINE void median_vector(const float* const* rows, std::size_t column, float* out) {
  const hn::ScalableTag<float> d;
  const auto keys = sorted_vector<MedianNetwork<N>>(RowGroup<float>{rows, 1}, column);
  const auto low = from_keys(d, keys[(N - 1) / 2]);
  auto median = low;
  if constexpr (N % 2 == 0) median = midpoint(low, from_keys(d, keys[N / 2]));
  const auto nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  hn::StoreU(hn::IfThenElse(hn::IsNaN(median), nan, median), d, out + column);
}

/// Returns the first column that is left to do.
template <std::size_t N>
HWY_NOINLINE std::size_t median_columns(const ColumnBlock<float>& block) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<float>());
  std::size_t column = block.begin;
  for (; column + lanes <= block.end; column += lanes) {
    median_vector<N>(block.rows.row.data(), column, block.out.data());
  }
  return column;
}

template <std::size_t... N>
std::size_t median_in_registers(const ColumnBlock<float>& block, std::index_sequence<N...>) {
  using Function = std::size_t (*)(const ColumnBlock<float>&);
  static constexpr std::array<Function, sizeof...(N)> kFunctions = {&median_columns<N + 1>...};
  return kFunctions[block.rows.n() - 1](block);
}
#endif

template <class T>
void mean_of_sorted_columns(const ColumnBlock<T>& block, const SortPlan& plan, T* scratch) {
  T* means = scratch + plan.n * kSortTile;
  std::size_t column = block.begin;
#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 4) {
    const bool median = plan.lo == (plan.n - 1) / 2 && plan.hi == plan.n / 2 + 1;
    if (median && plan.n <= kSortGroup) {
      column = median_in_registers(block, std::make_index_sequence<kSortGroup>());
    }
  }
#endif
  for (; column < block.end; column += kSortTile) {
    const std::size_t count = std::min(kSortTile, block.end - column);
    sort_columns(block.rows, column, plan, scratch);
    for (std::size_t c = 0; c < kSortTile; c += kColumnsAtOnce)
      finish_columns<T>(mean_between<T>(scratch + c, plan.lo, plan.hi), means + c);
    std::copy_n(means, count, block.out.data() + column);
  }
}

template <class T>
void mean_nearest_columns(const ColumnBlock<T>& block, Nearest nearest, const SortPlan& plan,
                          T* scratch) {
  T* means = scratch + plan.n * kSortTile;
  for (std::size_t column = block.begin; column < block.end; column += kSortTile) {
    const std::size_t count = std::min(kSortTile, block.end - column);
    sort_columns(block.rows, column, plan, scratch);
    for (std::size_t c = 0; c < kSortTile; c += kColumnsAtOnce)
      finish_columns<T>(mean_of_window<T>(scratch + c, plan.n, nearest), means + c);
    std::copy_n(means, count, block.out.data() + column);
  }
}

void mean_of_sorted_float(const ColumnBlock<float>& block, const SortPlan& plan, float* scratch) {
  mean_of_sorted_columns(block, plan, scratch);
}
void mean_of_sorted_double(const ColumnBlock<double>& block, const SortPlan& plan,
                           double* scratch) {
  mean_of_sorted_columns(block, plan, scratch);
}
void mean_nearest_float(const ColumnBlock<float>& block, Nearest nearest, const SortPlan& plan,
                        float* scratch) {
  mean_nearest_columns(block, nearest, plan, scratch);
}
void mean_nearest_double(const ColumnBlock<double>& block, Nearest nearest, const SortPlan& plan,
                         double* scratch) {
  mean_nearest_columns(block, nearest, plan, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
