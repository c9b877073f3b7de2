// Vector code of moments.cpp. What does not fill a vector is done column by column with the same
// arithmetic.
#if defined(DETOX_KERNELS_MOMENTS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_MOMENTS_INL
#undef DETOX_KERNELS_MOMENTS_INL
#else
#define DETOX_KERNELS_MOMENTS_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cmath>

#include "kernels/moments.hpp"
#include "kernels/vectors-inl.hpp"
#include "kernels/widen-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

/// So many vectors of columns are taken at a time: their rows stay in the first-level cache between
/// the two readings.
inline constexpr std::size_t kMomentVectors = 4;
inline constexpr std::size_t kMomentPrefetch = 64;

void moments_float(const Rows<float>& rows, std::size_t begin, std::size_t count, double* mean,
                   double* deviation) {
  const DoubleTag d;
  const std::size_t lanes = hn::Lanes(d), group = kMomentVectors * lanes, n = rows.n();
  const auto divisor = static_cast<double>(n), freedom = static_cast<double>(n > 1 ? n - 1 : 1);
  const float* const* row = rows.row.data();
  std::size_t c = 0;
  for (; c + group <= count; c += group) {
    Vectors<VecDouble, kMomentVectors> sum, centre;
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kMomentVectors; ++k) sum[k] = hn::Zero(d);
    for (std::size_t i = 0; i < n; ++i) {
      const float* values = row[i] + begin + c;
      hwy::Prefetch(values + kMomentPrefetch);
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kMomentVectors; ++k)
        sum[k] = hn::Add(sum[k], load_wide(values + k * lanes));
    }
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kMomentVectors; ++k) {
      centre[k] = hn::Div(sum[k], hn::Set(d, divisor));
      hn::StoreU(centre[k], d, mean + c + k * lanes);
      sum[k] = hn::Zero(d);
    }
    for (std::size_t i = 0; i < n; ++i) {
      const float* values = row[i] + begin + c;
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kMomentVectors; ++k) {
        const auto difference = hn::Sub(load_wide(values + k * lanes), centre[k]);
        sum[k] = hn::Add(sum[k], hn::Mul(difference, difference));
      }
    }
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kMomentVectors; ++k) {
      const auto square = hn::Div(sum[k], hn::Set(d, freedom));
      hn::StoreU(n > 1 ? hn::Sqrt(square) : hn::Zero(d), d, deviation + c + k * lanes);
    }
  }
  for (; c < count; ++c) {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(row[i][begin + c]);
    mean[c] = sum / divisor;
    for (std::size_t i = 0; i < n; ++i) {
      const double difference = static_cast<double>(row[i][begin + c]) - mean[c];
      squares += difference * difference;
    }
    deviation[c] = n > 1 ? std::sqrt(squares / freedom) : 0.0;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
