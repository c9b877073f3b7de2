// Vector code of pairwise.cpp. Rows are taken in tiles of G x G, blocks of 1024 columns stay in the
// caches. The origin is one more row, number 0, so that norms are distances like any other and are
// known before them in every block.
#if defined(DETOX_KERNELS_PAIRWISE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_PAIRWISE_INL
#undef DETOX_KERNELS_PAIRWISE_INL
#else
#define DETOX_KERNELS_PAIRWISE_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/pairwise.hpp"
#include "kernels/vectors-inl.hpp"
#include "kernels/widen-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr std::size_t kVirtualLanes = 16;
inline constexpr std::size_t kBlockColumns = 1024;
/// So many squares are added in a row before their sum joins the others: keeps the error bound.
inline constexpr std::size_t kStepsInARow = 16;
/// Rows of a tile: G * G sums and 2 * G values should fit the registers.
inline constexpr std::size_t kTileRows = HWY_TARGET == HWY_AVX3 ? 4 : 3;

template <class T>
HWY_ALIGN inline constexpr std::array<T, kBlockColumns> kOrigin{};

/// Sum of squared differences in double, 16 lanes and a fixed tree.
template <class T>
HWY_NOINLINE double pair_in_double(const T* a, const T* b, std::size_t count) {
  std::array<double, kVirtualLanes> lane{};
  std::size_t c = 0;
  for (; c + kVirtualLanes <= count; c += kVirtualLanes) {
    for (std::size_t l = 0; l < kVirtualLanes; ++l) {
      const double difference = static_cast<double>(a[c + l]) - static_cast<double>(b[c + l]);
      lane[l] += difference * difference;
    }
  }
  for (std::size_t l = 0; c + l < count; ++l) {
    const double difference = static_cast<double>(a[c + l]) - static_cast<double>(b[c + l]);
    lane[l] += difference * difference;
  }
  for (std::size_t half = kVirtualLanes / 2; half > 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0];
}

#if !HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
/// The float nearest a + b: their sum rounded to odd first, so that it is not rounded twice (Boldo,
/// Melquiond: "Emulation of FMA and correctly rounded sums", 2008).
HWY_INLINE auto nearest_sum(VecDouble a, VecDouble b) {
  const DoubleTag d;
  const hn::RebindToUnsigned<DoubleTag> du;
  const auto sum = hn::Add(a, b), of_b = hn::Sub(sum, a);
  const auto lost = hn::Add(hn::Sub(a, hn::Sub(sum, of_b)), hn::Sub(b, of_b));
  const auto bits = hn::BitCast(du, sum), one = hn::Set(du, 1);
  const auto inexact = hn::RebindMask(du, hn::Gt(hn::Abs(lost), hn::Zero(d)));
  const auto odd = hn::Eq(hn::And(bits, one), one);
  const auto beyond = hn::RebindMask(du, hn::Gt(hn::Mul(lost, sum), hn::Zero(d)));
  const auto moved = hn::IfThenElse(beyond, hn::Add(bits, one), hn::Sub(bits, one));
  const auto wanted = hn::AndNot(odd, inexact);
  return narrow(hn::BitCast(d, hn::IfThenElse(wanted, moved, bits)));
}
#endif

/// sum + x^2, rounded once: half of the additions less, where a processor does it at once.
template <class V>
HWY_INLINE V add_square_once(V x, V sum) {
  const hn::DFromV<V> d;
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  HWY_ALIGN float values[hn::MaxLanes(d)], sums[hn::MaxLanes(d)];
  hn::Store(x, d, values);
  hn::Store(sum, d, sums);
  for (std::size_t l = 0; l < hn::Lanes(d); ++l) sums[l] = std::fma(values[l], values[l], sums[l]);
  return hn::Load(d, sums);
#elif !HWY_NATIVE_FMA
  const hn::Half<decltype(d)> half;
  const auto low = hn::PromoteTo(DoubleTag(), hn::LowerHalf(half, x));
  const auto high = hn::PromoteTo(DoubleTag(), hn::UpperHalf(half, x));
  const auto low_sum = hn::PromoteTo(DoubleTag(), hn::LowerHalf(half, sum));
  const auto high_sum = hn::PromoteTo(DoubleTag(), hn::UpperHalf(half, sum));
  return hn::Combine(d, nearest_sum(hn::Mul(high, high), high_sum),
                     nearest_sum(hn::Mul(low, low), low_sum));
#else
  (void)d;
  return hn::MulAdd(x, x, sum);
#endif
}

/// The same for floats; doubles are rounded twice.
template <class T, class V>
HWY_INLINE V add_square(V x, V sum) {
  if constexpr (sizeof(T) == 4) {
    return add_square_once(x, sum);
  } else {
    return hn::Add(sum, hn::Mul(x, x));
  }
}

/// Adds 16 lanes in a fixed tree: l + (l + 8), then + 4, then (0 + 2) + (1 + 3).
template <class T>
HWY_INLINE double fold(const T* lanes) {
  const hn::CappedTag<T, 4> d;
  HWY_ALIGN T quarter[4];
  for (std::size_t l = 0; l < 4; l += hn::Lanes(d)) {
    const auto even = hn::Add(hn::Load(d, lanes + l), hn::Load(d, lanes + 8 + l));
    const auto odd = hn::Add(hn::Load(d, lanes + 4 + l), hn::Load(d, lanes + 12 + l));
    hn::Store(hn::Add(even, odd), d, quarter + l);
  }
  return static_cast<double>((quarter[0] + quarter[2]) + (quarter[1] + quarter[3]));
}

/// The rows of one tile: G of them from row `a`, G from row `b`, at some column.
template <class T>
struct TileRows {
  std::array<const T*, kTileRows> a, b;
};

/// sums[i * G + j] = squared distance of a[i] and b[j] over count columns, a multiple of 16; i < j
/// alone if kDiagonal.
template <bool kDiagonal, class T>
HWY_NOINLINE void tile(const TileRows<T>& rows, std::size_t count, double* HWY_RESTRICT sums) {
  const hn::CappedTag<T, kVirtualLanes> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::size_t kG = kTileRows;
  HWY_ALIGN T lanes[kG * kG * kVirtualLanes];
  for (std::size_t part = 0; part < kVirtualLanes; part += hn::Lanes(d)) {
    for (std::size_t begin = 0; begin < count; begin += kStepsInARow * kVirtualLanes) {
      const std::size_t end = std::min(count, begin + kStepsInARow * kVirtualLanes);
      Vectors<V, kG * kG> sum;
#pragma GCC unroll 16
      for (std::size_t p = 0; p < kG * kG; ++p) sum[p] = hn::Zero(d);
#pragma GCC unroll 2
      for (std::size_t c = begin + part; c < end; c += kVirtualLanes) {
        Vectors<V, kG> a;
#pragma GCC unroll 4
        for (std::size_t i = 0; i < kG; ++i) a[i] = hn::LoadU(d, rows.a[i] + c);
#pragma GCC unroll 4
        for (std::size_t j = 0; j < kG; ++j) {
          const V b = kDiagonal ? a[j] : hn::LoadU(d, rows.b[j] + c);
#pragma GCC unroll 4
          for (std::size_t i = 0; i < (kDiagonal ? j : kG); ++i) {
            const V difference = hn::Sub(a[i], b);
            sum[i * kG + j] = add_square<T>(difference, sum[i * kG + j]);
          }
        }
      }
#pragma GCC unroll 16
      for (std::size_t p = 0; p < kG * kG; ++p) {
        T* total = lanes + p * kVirtualLanes + part;
        hn::Store(begin == 0 ? sum[p] : hn::Add(hn::Load(d, total), sum[p]), d, total);
      }
    }
  }
  for (std::size_t p = 0; p < kG * kG; ++p) sums[p] = fold(lanes + p * kVirtualLanes);
}

/// Whether float32 arithmetic can vouch for a block's sum: nothing overflowed, and what vanished
/// (squares below the least normal number, 1024 of them at most) is no part of it. Doubles have no
/// second chance.
template <class T>
HWY_INLINE bool is_sound(double sum) {
  return sizeof(T) == 8 || (sum >= 1e-27 && sum <= 1e37);
}

/// Squared distance over one block, once more, where float32 cannot hold it. Both rows are known to
/// be finite, or one of them is the origin: equal bits are at distance 0.
template <class T>
double block_again(const T* a, const T* b, std::size_t count) {
  if (std::memcmp(a, b, count * sizeof(T)) == 0) return 0;
  return pair_in_double(a, b, count);
}

template <class T>
class ChunkSums {
 public:
  ChunkSums(const Rows<T>& rows, double* sums) : rows_(rows), points_(rows.n() + 1), sums_(sums) {}

  /// Adds the sums over [begin, begin + count), count a multiple of 16 and at most kBlockColumns.
  void add_block(std::size_t begin, std::size_t count) {
    for (std::size_t i = 0; i < points_; i += kTileRows) {
      for (std::size_t j = i; j < points_; j += kTileRows) {
        TileRows<T> tile_rows;
        for (std::size_t k = 0; k < kTileRows; ++k) {
          tile_rows.a[k] = at(i + k, begin);
          tile_rows.b[k] = at(j + k, begin);
        }
        std::array<double, kTileRows * kTileRows> found{};
        if (i == j) {
          tile<true>(tile_rows, count, found.data());
        } else {
          tile<false>(tile_rows, count, found.data());
        }
        for (std::size_t k = 0; k < kTileRows; ++k) {
          for (std::size_t l = i == j ? k + 1 : 0; l < kTileRows; ++l) {
            if (i + k >= points_ || j + l >= points_) continue;
            add(i + k, j + l, found[k * kTileRows + l], {tile_rows.a[k], count}, tile_rows.b[l]);
          }
        }
      }
    }
  }

  /// Adds the sums over [begin, begin + count) in double; any count up to kBlockColumns.
  void add_exactly(std::size_t begin, std::size_t count) {
    for (std::size_t j = 1; j < points_; ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        if (i > 0 && is_lost(i, j)) continue;
        put(i, j, pair_in_double(at(i, begin), at(j, begin), count));
      }
    }
  }

 private:
  const T* at(std::size_t point, std::size_t column) const {
    return point == 0 || point >= points_ ? kOrigin<T>.data() : rows_.row[point - 1] + column;
  }
  double& sum(std::size_t i, std::size_t j) { return sums_[j * (j - 1) / 2 + i]; }
  /// Rows that are not finite cost nothing more once that is known.
  bool is_lost(std::size_t i, std::size_t j) {
    return std::isinf(sum(0, i)) || std::isinf(sum(0, j));
  }
  void put(std::size_t i, std::size_t j, double value) {
    sum(i, j) += std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
  }
  void add(std::size_t i, std::size_t j, double found, std::span<const T> a, const T* b) {
    if (is_sound<T>(found)) return put(i, j, found);
    if (i > 0 && is_lost(i, j)) return;
    put(i, j, block_again(a.data(), b, a.size()));
  }

  const Rows<T>& rows_;
  std::size_t points_;
  double* sums_;
};

/// Adds to sums.
template <class T>
void sum_pairs(const Rows<T>& rows, std::size_t begin, std::size_t end, bool exactly,
               double* sums) {
  ChunkSums<T> chunk(rows, sums);
  for (; begin < end; begin += kBlockColumns) {
    const std::size_t count = std::min(kBlockColumns, end - begin);
    if (exactly) {
      chunk.add_exactly(begin, count);
      continue;
    }
    const std::size_t whole = count / kVirtualLanes * kVirtualLanes;
    if (whole > 0) chunk.add_block(begin, whole);
    if (whole < count) chunk.add_exactly(begin + whole, count - whole);
  }
}

void sum_pairs_float(const Rows<float>& rows, std::size_t begin, std::size_t end, bool exactly,
                     double* sums) {
  sum_pairs(rows, begin, end, exactly, sums);
}
void sum_pairs_double(const Rows<double>& rows, std::size_t begin, std::size_t end, bool exactly,
                      double* sums) {
  sum_pairs(rows, begin, end, exactly, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
