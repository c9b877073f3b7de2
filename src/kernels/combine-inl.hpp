// Vector code of combine.cpp. What does not fill a vector is done column by column with the same
// arithmetic.
#if defined(DETOX_KERNELS_COMBINE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_COMBINE_INL
#undef DETOX_KERNELS_COMBINE_INL
#else
#define DETOX_KERNELS_COMBINE_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/combine.hpp"
#include "kernels/sign_bits.hpp"
#include "kernels/vectors-inl.hpp"
#include "kernels/widen-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

template <class Out>
HWY_INLINE Out finish_sum(double sum, double divisor) {
  const double value = sum / divisor;
  return static_cast<Out>(std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value);
}

/// So far ahead values are asked for where all rows are read side by side.
inline constexpr std::size_t kPrefetchColumns = 128;

inline constexpr std::size_t kVectorsAtOnce = 4;

/// out[c - begin] for the columns c of [begin, end).
template <class T, class Out>
void combine_columns(const Rows<T>& rows, const Combination& combination, std::size_t begin,
                     std::size_t end, Out* out) {
  const DoubleTag d;
  const std::size_t lanes = hn::Lanes(d), n = rows.n();
  const double* weights = combination.weights.data();
  const double* base = combination.base.empty() ? nullptr : combination.base.data();
  const T* const* row_pointers = rows.row.data();
  const auto divisor = hn::Set(d, combination.divisor);
  const bool divides = combination.divisor != 1;  // takes as long as several rows
  const auto nan = hn::Set(d, std::numeric_limits<double>::quiet_NaN());
  std::size_t c = begin;
  for (; c + kVectorsAtOnce * lanes <= end; c += kVectorsAtOnce * lanes) {
    Vectors<VecDouble, kVectorsAtOnce> sum;
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kVectorsAtOnce; ++k)
      sum[k] = base == nullptr ? hn::Zero(d) : hn::LoadU(d, base + (c - begin) + k * lanes);
    for (std::size_t i = 0; i < n; ++i) {
      if (weights[i] == 0) continue;
      const auto weight = hn::Set(d, weights[i]);
      const T* row = row_pointers[i] + c;
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kVectorsAtOnce; ++k) {
        // Asks for a line more than once: requests are dropped where too many are under way. The
        // mean of 45 rows took 25 ms with one request a line, 17.5 so.
        hwy::Prefetch(row + kPrefetchColumns + k * lanes);
        sum[k] = hn::Add(sum[k], hn::Mul(weight, load_wide(row + k * lanes)));
      }
    }
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kVectorsAtOnce; ++k) {
      const auto value = divides ? hn::Div(sum[k], divisor) : sum[k];
      store_narrow<Out>(hn::IfThenElse(hn::IsNaN(value), nan, value),
                        out + (c - begin) + k * lanes);
    }
  }
  for (; c < end; ++c) {
    double sum = base == nullptr ? 0 : base[c - begin];
    for (std::size_t i = 0; i < n; ++i) {
      if (weights[i] != 0) sum += weights[i] * static_cast<double>(row_pointers[i][c]);
    }
    out[c - begin] = finish_sum<Out>(sum, combination.divisor);
  }
}

template <class D, class V>
HWY_INLINE V sign_of(D d, V sum) {
  const auto zero = hn::Zero(d), one = hn::Set(d, 1);
  return hn::IfThenElse(hn::Gt(sum, zero), one,
                        hn::IfThenElseZero(hn::Lt(sum, zero), hn::Set(d, -1)));
}

template <class T>
void sign_columns(const Rows<T>& rows, std::uint64_t step, std::size_t begin, std::size_t end,
                  T* out) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN T pattern[HWY_MAX_BYTES / sizeof(T)];
  for (std::size_t l = 0; l < lanes; ++l) pattern[l] = sign_bit(T{0}, begin + l, step) ? -1 : 1;
  const auto of_zero = hn::Load(d, pattern), one = hn::Set(d, 1), zero = hn::Zero(d);
  std::size_t c = begin;
  for (; lanes % 2 == 0 && c + lanes <= end; c += lanes) {  // the pattern repeats every two columns
    auto sum = zero;
    for (std::size_t i = 0; i < rows.n(); ++i) {
      hwy::Prefetch(rows.row[i] + c + kPrefetchColumns);
      const auto value = hn::LoadU(d, rows.row[i] + c);
      const auto none = hn::Or(hn::Eq(value, zero), hn::IsNaN(value));
      sum = hn::Add(sum, hn::IfThenElse(none, of_zero, hn::CopySign(one, value)));
    }
    hn::StoreU(sign_of(d, sum), d, out + c);
  }
  for (; c < end; ++c) {
    std::ptrdiff_t sum = 0;
    for (std::size_t i = 0; i < rows.n(); ++i) sum += sign_bit(rows.row[i][c], c, step) ? -1 : 1;
    out[c] = static_cast<T>((sum > 0) - (sum < 0));
  }
}

template <class T>
void vote_columns(const Rows<T>& rows, std::size_t begin, std::size_t end, T* out) {
  const DoubleTag d;
  const std::size_t lanes = hn::Lanes(d);
  const double tie = static_cast<double>(rows.n()) * 0x1p-22;
  std::size_t c = begin;
  for (; c + lanes <= end; c += lanes) {
    auto sum = hn::Zero(d);
    for (std::size_t i = 0; i < rows.n(); ++i) {
      hwy::Prefetch(rows.row[i] + c + kPrefetchColumns);
      const auto value = load_wide(rows.row[i] + c);
      const auto clamped = hn::Min(hn::Max(value, hn::Set(d, -1.0)), hn::Set(d, 1.0));
      sum = hn::Add(sum, hn::IfThenElse(hn::IsNaN(value), hn::Zero(d), clamped));
    }
    const auto decided = hn::IfThenElseZero(hn::Ge(hn::Abs(sum), hn::Set(d, tie)), sum);
    store_narrow<T>(sign_of(d, decided), out + c);
  }
  for (; c < end; ++c) {
    double sum = 0;
    for (std::size_t i = 0; i < rows.n(); ++i) {
      const double value = static_cast<double>(rows.row[i][c]);
      if (!std::isnan(value)) sum += std::min(std::max(value, -1.0), 1.0);
    }
    out[c] = static_cast<T>((sum >= tie) - (sum <= -tie));
  }
}

void combine_float(const Rows<float>& rows, const Combination& combination, std::size_t begin,
                   std::size_t end, float* out) {
  combine_columns(rows, combination, begin, end, out);
}
void combine_double(const Rows<double>& rows, const Combination& combination, std::size_t begin,
                    std::size_t end, double* out) {
  combine_columns(rows, combination, begin, end, out);
}
void combine_float_wide(const Rows<float>& rows, const Combination& combination, std::size_t begin,
                        std::size_t end, double* out) {
  combine_columns(rows, combination, begin, end, out);
}
void sign_majority_float(const Rows<float>& rows, std::uint64_t step, std::size_t begin,
                         std::size_t end, float* out) {
  sign_columns(rows, step, begin, end, out);
}
void sign_majority_double(const Rows<double>& rows, std::uint64_t step, std::size_t begin,
                          std::size_t end, double* out) {
  sign_columns(rows, step, begin, end, out);
}
void vote_majority_float(const Rows<float>& rows, std::size_t begin, std::size_t end, float* out) {
  vote_columns(rows, begin, end, out);
}
void vote_majority_double(const Rows<double>& rows, std::size_t begin, std::size_t end,
                          double* out) {
  vote_columns(rows, begin, end, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
