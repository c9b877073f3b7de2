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

/// One sorted position as doubles.
template <class T>
HWY_INLINE VecDouble sorted_at(const T* values) {
  const hn::Rebind<T, DoubleTag> d;
  return widen<T>(hn::Load(d, values));
}

/// A tile's keys, one row of kSortTile after another; columns past `count` repeat zeros. A tile in
/// memory is an array of T, whether it holds values or the bits of keys.
template <class T>
void load_tile(const Rows<T>& rows, std::size_t begin, std::size_t count, T* tile) {
  const hn::ScalableTag<T> d;
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
      hn::Store(hn::BitCast(d, to_keys(d, hn::LoadU(d, values + c))), d,
                tile + row * kSortTile + c);
    }
  }
}

template <class T>
void sort_tile(std::span<const Comparator> network, T* tile) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto load = [&](const T* from) HWY_ATTR { return hn::BitCast(di, hn::Load(d, from)); };
  const auto store = [&](auto keys, T* to) HWY_ATTR { hn::Store(hn::BitCast(d, keys), d, to); };
  for (const Comparator& comparator : network) {
    T* HWY_RESTRICT low = tile + comparator.low * kSortTile;
    T* HWY_RESTRICT high = tile + comparator.high * kSortTile;
    if (comparator.keep == Comparator::Keep::kBoth) {
      for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d)) {
        const auto a = load(low + c), b = load(high + c);
        store(hn::Min(a, b), low + c);
        store(hn::Max(a, b), high + c);
      }
    } else if (comparator.keep == Comparator::Keep::kLesser) {
      for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d))
        store(hn::Min(load(low + c), load(high + c)), low + c);
    } else {
      for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d))
        store(hn::Max(load(low + c), load(high + c)), high + c);
    }
  }
}

/// The positions [lo, hi) of a tile of keys as values, in the same place.
template <class T>
void restore_tile(std::size_t lo, std::size_t hi, T* tile) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  for (std::size_t k = lo * kSortTile; k < hi * kSortTile; k += hn::Lanes(d))
    hn::Store(from_keys(d, hn::BitCast(di, hn::Load(d, tile + k))), d, tile + k);
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
HWY_INLINE VecDouble mean_between(const T* values, std::size_t lo, std::size_t hi) {
  const DoubleTag d;
  const auto low = sorted_at<T>(values + lo * kSortTile);
  if (hi - lo == 1) return low;
  const auto high = sorted_at<T>(values + (hi - 1) * kSortTile);
  const auto scale =
      sizeof(T) == 4 ? hn::Set(d, 1.0) : safe_scale(hn::Or(is_large(low), is_large(high)));
  auto sum = hn::Mul(low, scale);
  for (std::size_t k = lo + 1; k < hi; ++k) {
    sum = hn::Add(sum, hn::Mul(sorted_at<T>(values + k * kSortTile), scale));
  }
  return hn::Div(hn::Div(sum, hn::Set(d, static_cast<double>(hi - lo))), scale);
}

/// The nearest `count` sorted values are neighbours: the window starts after every value that is
/// farther from the centre than the one `count` places above it.
template <class T>
HWY_INLINE VecDouble mean_of_window(const T* values, std::size_t n, Nearest nearest) {
  const DoubleTag d;
  const std::size_t count = nearest.count;
  const auto centre = mean_between<T>(values, nearest.lo, nearest.hi);
  const auto one = hn::Set(d, 1.0);
  auto start = hn::Zero(d);
  for (std::size_t k = 0; k + count < n; ++k) {
    const auto below = hn::Sub(centre, sorted_at<T>(values + k * kSortTile));
    const auto above = hn::Sub(sorted_at<T>(values + (k + count) * kSortTile), centre);
    start = hn::Add(start, hn::IfThenElseZero(hn::Lt(above, below), one));
  }
  const auto end = hn::Add(start, hn::Set(d, static_cast<double>(count)));
  auto scale = hn::Set(d, 1.0);
  for (std::size_t k = 0; k < n && sizeof(T) == 8; ++k) {
    const auto position = hn::Set(d, static_cast<double>(k));
    const auto inside = hn::And(hn::Ge(position, start), hn::Lt(position, end));
    const auto large = hn::And(inside, is_large(sorted_at<T>(values + k * kSortTile)));
    scale = hn::IfThenElse(large, hn::Set(d, 0x1p-10), scale);
  }
  auto sum = hn::Zero(d);
  for (std::size_t k = 0; k < n; ++k) {
    const auto position = hn::Set(d, static_cast<double>(k));
    auto next = hn::Mul(sorted_at<T>(values + k * kSortTile), scale);
    // The first value replaces the zero: -0 + -0 must stay -0.
    next = k + count <= n ? hn::IfThenElse(hn::Eq(position, start), next, hn::Add(sum, next))
                          : hn::Add(sum, next);
    // A window can start after position k only where `count` values are left, and end before it
    // only behind as many.
    if (k + count <= n) next = hn::IfThenElse(hn::Ge(position, start), next, sum);
    if (k >= count) next = hn::IfThenElse(hn::Lt(position, end), next, sum);
    sum = next;
  }
  return hn::Div(hn::Div(sum, hn::Set(d, static_cast<double>(count))), scale);
}

template <class T>
HWY_INLINE void finish_column(VecDouble mean, T* out) {
  const DoubleTag d;
  const auto nan = hn::Set(d, std::numeric_limits<double>::quiet_NaN());
  store_narrow<T>(hn::IfThenElse(hn::IsNaN(mean), nan, mean), out);
}

/// The comparators after which positions [lo, hi) of N are sorted, known to the compiler.
template <std::size_t N, std::size_t Lo, std::size_t Hi>
struct Network {
  static constexpr std::size_t kRows = N;
  std::array<Comparator, network_capacity(N)> comparators{};
  std::size_t count = 0;
  constexpr Network() {
    std::array<bool, N> wanted{};
    count = build_network(N, Lo, Hi, comparators, wanted);
  }
};

template <class Net>
inline constexpr Net kNetwork{};
template <std::size_t N>
using MedianNetwork = Network<N, (N - 1) / 2, N / 2 + 1>;
template <std::size_t N>
using FullNetwork = Network<N, 0, N>;

template <class Net, std::size_t K, class V>
HWY_INLINE void exchange(std::array<V, Net::kRows>& keys) {
  constexpr Comparator kStep = kNetwork<Net>.comparators[K];
  const V a = keys[kStep.low], b = keys[kStep.high];
  if constexpr (kStep.keep != Comparator::Keep::kGreater) keys[kStep.low] = hn::Min(a, b);
  if constexpr (kStep.keep != Comparator::Keep::kLesser) keys[kStep.high] = hn::Max(a, b);
}

template <class Net, class V, std::size_t... K>
HWY_INLINE void exchange_all(std::array<V, Net::kRows>& keys, std::index_sequence<K...>) {
  (exchange<Net, K>(keys), ...);
}

template <class T>
using KeyVector = hn::Vec<hn::ScalableTag<KeyOf<T>>>;

/// Every stride-th of the rows.
template <class T>
struct RowGroup {
  const T* const* rows;
  std::size_t stride;
};

/// One vector of columns, with what the network sorts sorted; a whole vector can be read.
template <class Net, class T>
HWY_INLINE std::array<KeyVector<T>, Net::kRows> sorted_vector(RowGroup<T> group,
                                                              std::size_t column) {
  const hn::ScalableTag<T> d;
  std::array<KeyVector<T>, Net::kRows> keys;
  for (std::size_t k = 0; k < Net::kRows; ++k) {
    const T* values = group.rows[k * group.stride] + column;
    // The next tile: groups are more streams than processors prefetch by themselves.
    if (group.stride > 1) hwy::Prefetch(values + kSortTile);
    keys[k] = to_keys(d, hn::LoadU(d, values));
  }
  exchange_all<Net>(keys, std::make_index_sequence<kNetwork<Net>.count>());
  return keys;
}

/// A whole tile of a group's columns, sorted; as keys where other groups are to be merged.
template <std::size_t N>
HWY_NOINLINE void sort_group(RowGroup<float> group, std::size_t begin, float* tile) {
  const hn::ScalableTag<float> d;
  for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(d)) {
    const auto keys = sorted_vector<FullNetwork<N>>(group, begin + c);
    for (std::size_t k = 0; k < N; ++k) {
      const auto sorted = group.stride > 1 ? hn::BitCast(d, keys[k]) : from_keys(d, keys[k]);
      hn::Store(sorted, d, tile + k * group.stride * kSortTile + c);
    }
  }
}

template <std::size_t... N>
void sort_in_registers(const Rows<float>& rows, std::size_t begin, const SortPlan& plan,
                       float* tile, std::index_sequence<N...>) {
  using Function = void (*)(RowGroup<float>, std::size_t, float*);
  static constexpr std::array<Function, sizeof...(N)> kFunctions = {&sort_group<N + 1>...};
  for (std::size_t first = 0; first < plan.groups; ++first) {
    const std::size_t members = (plan.n - first + plan.groups - 1) / plan.groups;
    kFunctions[members - 1]({rows.row.data() + first, plan.groups}, begin,
                            tile + first * kSortTile);
  }
}

/// The sorted values of a tile's columns, of which the plan says what matters.
template <class T>
void sort_columns(const Rows<T>& rows, std::size_t begin, const SortPlan& plan, T* tile) {
  const std::size_t count = std::min(kSortTile, rows.d - begin);
  std::span<const Comparator> network = plan.network;
  bool in_registers = false;
  if constexpr (sizeof(T) == 4) {
    in_registers = count == kSortTile;
    if (in_registers) {
      sort_in_registers(rows, begin, plan, tile, std::make_index_sequence<kSortGroup>());
      network = network.subspan(plan.within_groups);
    }
  }
  if (!in_registers) load_tile(rows, begin, count, tile);
  sort_tile(network, tile);
  if (!in_registers || plan.groups > 1) restore_tile(plan.lo, plan.hi, tile);
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
    for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(DoubleTag())) {
      finish_column<T>(mean_between<T>(scratch + c, plan.lo, plan.hi), means + c);
    }
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
    for (std::size_t c = 0; c < kSortTile; c += hn::Lanes(DoubleTag())) {
      finish_column<T>(mean_of_window<T>(scratch + c, plan.n, nearest), means + c);
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
