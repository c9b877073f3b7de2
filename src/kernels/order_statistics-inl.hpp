// Vector code of order_statistics.cpp. Values become signed integers of the same order ("keys"), a
// tile of columns is sorted by the network, and the means are taken in double.
#if defined(DETOX_KERNELS_ORDER_STATISTICS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_ORDER_STATISTICS_INL
#undef DETOX_KERNELS_ORDER_STATISTICS_INL
#else
#define DETOX_KERNELS_ORDER_STATISTICS_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "kernels/order_statistics.hpp"
#include "kernels/widen-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

template <class T>
using KeyOf = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// Keys of a vector of values: monotone, and every NaN is the greatest.
template <class D, class V = hn::Vec<D>>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> to_keys(D d, V values) {
  const hn::RebindToSigned<D> di;
  using Key = hn::TFromD<decltype(di)>;
  const auto bits = hn::BitCast(di, values);
  const auto flip =
      hn::And(hn::BroadcastSignBit(bits), hn::Set(di, std::numeric_limits<Key>::max()));
  const auto nan = hn::RebindMask(di, hn::IsNaN(values));
  (void)d;
  return hn::IfThenElse(nan, hn::Set(di, std::numeric_limits<Key>::max()), hn::Xor(bits, flip));
}

template <class D>
HWY_INLINE hn::Vec<D> from_keys(D d, hn::Vec<hn::RebindToSigned<D>> keys) {
  const hn::RebindToSigned<D> di;
  using Key = hn::TFromD<decltype(di)>;
  const auto flip =
      hn::And(hn::BroadcastSignBit(keys), hn::Set(di, std::numeric_limits<Key>::max()));
  return hn::BitCast(d, hn::Xor(keys, flip));
}

/// Keys of one sorted position as doubles.
template <class T>
HWY_INLINE VecDouble sorted_at(const KeyOf<T>* keys) {
  const hn::Rebind<T, DoubleTag> d;
  const hn::RebindToSigned<decltype(d)> di;
  return widen<T>(from_keys(d, hn::Load(di, keys)));
}

/// A tile's keys, one row of kSortTile after another; columns past `count` repeat zeros.
template <class T>
void load_tile(const Rows<T>& rows, std::size_t begin, std::size_t count, KeyOf<T>* keys) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  HWY_ALIGN T padded[kSortTile];
  for (std::size_t row = 0; row < rows.n(); ++row) {
    const T* values = rows.row[row] + begin;
    if (count < kSortTile) {
      std::fill(std::copy_n(values, count, padded), padded + kSortTile, T{0});
      values = padded;
    }
    for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d)) {
      // The next tile of all rows: more streams than processors prefetch by themselves.
      if (count == kSortTile) hwy::Prefetch(values + kSortTile + c);
      hn::Store(to_keys(d, hn::LoadU(d, values + c)), di, keys + row * kSortTile + c);
    }
  }
}

template <class Key>
void sort_tile(std::span<const Comparator> network, Key* keys) {
  const hn::ScalableTag<Key> d;
  for (const Comparator& comparator : network) {
    Key* HWY_RESTRICT low = keys + comparator.low * kSortTile;
    Key* HWY_RESTRICT high = keys + comparator.high * kSortTile;
    if (comparator.keep == Comparator::Keep::kBoth) {
      for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d)) {
        const auto a = hn::Load(d, low + c), b = hn::Load(d, high + c);
        hn::Store(hn::Min(a, b), d, low + c);
        hn::Store(hn::Max(a, b), d, high + c);
      }
    } else if (comparator.keep == Comparator::Keep::kLesser) {
      for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d)) {
        hn::Store(hn::Min(hn::Load(d, low + c), hn::Load(d, high + c)), d, low + c);
      }
    } else {
      for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d)) {
        hn::Store(hn::Max(hn::Load(d, low + c), hn::Load(d, high + c)), d, high + c);
      }
    }
  }
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

/// Mean of the positions [lo, hi) of one vector of columns.
template <class T>
HWY_INLINE VecDouble mean_between(const KeyOf<T>* keys, std::size_t lo, std::size_t hi) {
  const DoubleTag d;
  const auto low = sorted_at<T>(keys + lo * kSortTile);
  if (hi - lo == 1) return low;
  const auto high = sorted_at<T>(keys + (hi - 1) * kSortTile);
  const auto scale =
      sizeof(T) == 4 ? hn::Set(d, 1.0) : safe_scale(hn::Or(is_large(low), is_large(high)));
  auto sum = hn::Mul(low, scale);
  for (std::size_t k = lo + 1; k < hi; ++k) {
    sum = hn::Add(sum, hn::Mul(sorted_at<T>(keys + k * kSortTile), scale));
  }
  return hn::Div(hn::Div(sum, hn::Set(d, static_cast<double>(hi - lo))), scale);
}

/// The nearest `count` sorted values are neighbours: the window starts after every value that is
/// farther from the centre than the one `count` places above it.
template <class T>
HWY_INLINE VecDouble mean_of_window(const KeyOf<T>* keys, std::size_t n, Nearest nearest) {
  const DoubleTag d;
  const std::size_t count = nearest.count;
  const auto centre = mean_between<T>(keys, nearest.lo, nearest.hi);
  const auto one = hn::Set(d, 1.0);
  auto start = hn::Zero(d);
  for (std::size_t k = 0; k + count < n; ++k) {
    const auto below = hn::Sub(centre, sorted_at<T>(keys + k * kSortTile));
    const auto above = hn::Sub(sorted_at<T>(keys + (k + count) * kSortTile), centre);
    start = hn::Add(start, hn::IfThenElseZero(hn::Lt(above, below), one));
  }
  const auto end = hn::Add(start, hn::Set(d, static_cast<double>(count)));
  auto scale = hn::Set(d, 1.0);
  for (std::size_t k = 0; k < n && sizeof(T) == 8; ++k) {
    const auto position = hn::Set(d, static_cast<double>(k));
    const auto inside = hn::And(hn::Ge(position, start), hn::Lt(position, end));
    const auto large = hn::And(inside, is_large(sorted_at<T>(keys + k * kSortTile)));
    scale = hn::IfThenElse(large, hn::Set(d, 0x1p-10), scale);
  }
  auto sum = hn::Zero(d);
  for (std::size_t k = 0; k < n; ++k) {
    const auto position = hn::Set(d, static_cast<double>(k));
    const auto inside = hn::And(hn::Ge(position, start), hn::Lt(position, end));
    const auto value = hn::Mul(sorted_at<T>(keys + k * kSortTile), scale);
    // The first value replaces the zero: -0 + -0 must stay -0.
    sum = hn::IfThenElse(inside,
                         hn::IfThenElse(hn::Eq(position, start), value, hn::Add(sum, value)), sum);
  }
  return hn::Div(hn::Div(sum, hn::Set(d, static_cast<double>(count))), scale);
}

template <class T>
HWY_INLINE void finish_column(VecDouble mean, T* out) {
  const DoubleTag d;
  const auto nan = hn::Set(d, std::numeric_limits<double>::quiet_NaN());
  store_narrow<T>(hn::IfThenElse(hn::IsNaN(mean), nan, mean), out);
}

/// Median networks of at most so many rows run in registers, without a tile.
inline constexpr std::size_t kInRegisters = 16;

template <std::size_t N>
struct MedianNetwork {
  std::array<Comparator, network_capacity(N)> comparators{};
  std::size_t count = 0;
  constexpr MedianNetwork() {
    std::array<bool, N> wanted{};
    count = build_network(N, (N - 1) / 2, N / 2 + 1, comparators, wanted);
  }
};

template <std::size_t N>
inline constexpr MedianNetwork<N> kMedianNetwork{};

template <std::size_t N, std::size_t K, class V>
HWY_INLINE void exchange(std::array<V, N>& keys) {
  constexpr Comparator kStep = kMedianNetwork<N>.comparators[K];
  const V a = keys[kStep.low], b = keys[kStep.high];
  if constexpr (kStep.keep != Comparator::Keep::kGreater) keys[kStep.low] = hn::Min(a, b);
  if constexpr (kStep.keep != Comparator::Keep::kLesser) keys[kStep.high] = hn::Max(a, b);
}

template <std::size_t N, class V, std::size_t... K>
HWY_INLINE void exchange_all(std::array<V, N>& keys, std::index_sequence<K...>) {
  (exchange<N, K>(keys), ...);
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
  const hn::RebindToSigned<decltype(d)> di;
  std::array<hn::Vec<decltype(di)>, N> keys;
  for (std::size_t row = 0; row < N; ++row) {
    keys[row] = to_keys(d, hn::LoadU(d, rows[row] + column));
  }
  exchange_all<N>(keys, std::make_index_sequence<kMedianNetwork<N>.count>());
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
  auto* keys = reinterpret_cast<KeyOf<T>*>(scratch);
  T* means = scratch + plan.n * kSortTile;
  std::size_t column = block.begin;
#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 4) {
    const bool median = plan.lo == (plan.n - 1) / 2 && plan.hi == plan.n / 2 + 1;
    if (median && plan.n <= kInRegisters) {
      column = median_in_registers(block, std::make_index_sequence<kInRegisters>());
    }
  }
#endif
  for (; column < block.end; column += kSortTile) {
    const std::size_t count = std::min(kSortTile, block.end - column);
    load_tile(block.rows, column, count, keys);
    sort_tile(plan.network, keys);
    for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(DoubleTag())) {
      finish_column<T>(mean_between<T>(keys + c, plan.lo, plan.hi), means + c);
    }
    std::copy_n(means, count, block.out.data() + column);
  }
}

template <class T>
void mean_nearest_columns(const ColumnBlock<T>& block, Nearest nearest, const SortPlan& plan,
                          T* scratch) {
  auto* keys = reinterpret_cast<KeyOf<T>*>(scratch);
  T* means = scratch + plan.n * kSortTile;
  for (std::size_t column = block.begin; column < block.end; column += kSortTile) {
    const std::size_t count = std::min(kSortTile, block.end - column);
    load_tile(block.rows, column, count, keys);
    sort_tile(plan.network, keys);
    for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(DoubleTag())) {
      finish_column<T>(mean_of_window<T>(keys + c, plan.n, nearest), means + c);
    }
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
