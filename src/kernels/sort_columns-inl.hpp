// How a tile of columns is sorted. Values become signed integers of the same order ("keys");
// networks of up to 16 rows are straight code in registers, what is left of larger ones a list of
// comparators.
#if defined(DETOX_KERNELS_SORT_COLUMNS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_SORT_COLUMNS_INL
#undef DETOX_KERNELS_SORT_COLUMNS_INL
#else
#define DETOX_KERNELS_SORT_COLUMNS_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "kernels/order_statistics.hpp"
#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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
HWY_INLINE void exchange(Vectors<V, Net::kRows>& keys) {
  constexpr Comparator kStep = kNetwork<Net>.comparators[K];
  const V a = keys[kStep.low], b = keys[kStep.high];
  if constexpr (kStep.keep != Comparator::Keep::kGreater) keys[kStep.low] = hn::Min(a, b);
  if constexpr (kStep.keep != Comparator::Keep::kLesser) keys[kStep.high] = hn::Max(a, b);
}

template <class Net, class V, std::size_t... K>
HWY_INLINE void exchange_all(Vectors<V, Net::kRows>& keys, std::index_sequence<K...>) {
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
HWY_INLINE Vectors<KeyVector<T>, Net::kRows> sorted_vector(RowGroup<T> group, std::size_t column) {
  const hn::ScalableTag<T> d;
  Vectors<KeyVector<T>, Net::kRows> keys;
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

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
