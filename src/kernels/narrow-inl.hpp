// Vector code of narrow.cpp: what widened and narrowed do, without branches.
#if defined(DETOX_KERNELS_NARROW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_NARROW_INL
#undef DETOX_KERNELS_NARROW_INL
#else
#define DETOX_KERNELS_NARROW_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "kernels/narrow.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using WordTag = hn::RebindToUnsigned<FloatTag>;
using HalfTag = hn::Rebind<std::uint16_t, FloatTag>;
using Ints = hn::Vec<IntTag>;

/// Who widens a part of each row by turns comes back for the next part, which no processor
/// foresees.
inline constexpr std::size_t kAheadOfTile = 1024;

HWY_INLINE Ints widen_bfloat16(Ints bits) { return hn::ShiftLeft<16>(bits); }

HWY_INLINE Ints widen_float16(Ints bits) {
  const IntTag d;
  const FloatTag df;
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(d, 0x8000)));
  const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(d, 0x7fff)));
  const auto bias = hn::Set(d, 112 << 23);
  const auto moved = hn::BitCast(df, hn::Add(magnitude, hn::Set(d, 113 << 23)));
  const auto subnormal = hn::BitCast(d, hn::Sub(moved, hn::Set(df, 0x1p-14F)));
  const auto is_finite = hn::Lt(magnitude, hn::Set(d, 31 << 23));
  const auto normal = hn::Add(hn::Add(magnitude, bias), hn::IfThenZeroElse(is_finite, bias));
  const auto is_normal = hn::Gt(magnitude, hn::Set(d, (1 << 23) - 1));
  return hn::Or(sign, hn::IfThenElse(is_normal, normal, subnormal));
}

HWY_INLINE Ints narrow_to_bfloat16(Ints bits) {
  const IntTag d;
  const WordTag dw;
  const auto words = hn::BitCast(dw, bits);
  const auto odd = hn::And(hn::ShiftRight<16>(words), hn::Set(dw, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(words, hn::Set(dw, 0x7fff)), odd));
  const auto is_nan = hn::Gt(hn::And(bits, hn::Set(d, 0x7fffffff)), hn::Set(d, 0x7f800000));
  return hn::IfThenElse(is_nan, hn::Set(d, 0x7fc0), hn::BitCast(d, rounded));
}

HWY_INLINE Ints narrow_to_float16(Ints bits) {
  const IntTag d;
  const FloatTag df;
  const WordTag dw;
  const auto magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
  const auto sign = hn::ShiftRight<16>(hn::BitCast(dw, hn::Xor(bits, magnitude)));
  const auto moved = hn::Add(hn::BitCast(df, magnitude), hn::Set(df, 0.5F));
  const auto subnormal = hn::Sub(hn::BitCast(d, moved), hn::Set(d, 126 << 23));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d, 1));
  const auto rest = hn::Sub(magnitude, hn::Set(d, (112 << 23) - 0xfff));
  auto rounded = hn::ShiftRight<13>(hn::Add(rest, odd));
  rounded = hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 113 << 23)), subnormal, rounded);
  rounded = hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 143 << 23)), rounded, hn::Set(d, 0x7c00));
  rounded = hn::Or(rounded, hn::BitCast(d, sign));
  return hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 0x7f800000)), hn::Set(d, 0x7e00), rounded);
}

template <NarrowType kType>
void widen_all(const std::uint16_t* bits, std::size_t count, float* values) {
  const IntTag d;
  const FloatTag df;
  std::size_t c = 0;
  for (; c + hn::Lanes(df) <= count; c += hn::Lanes(df)) {
    hwy::Prefetch(bits + c + kAheadOfTile);
    const auto loaded = hn::BitCast(d, hn::PromoteTo(WordTag(), hn::LoadU(HalfTag(), bits + c)));
    const auto value =
        kType == NarrowType::kBfloat16 ? widen_bfloat16(loaded) : widen_float16(loaded);
    hn::StoreU(hn::BitCast(df, value), df, values + c);
  }
  for (; c < count; ++c) values[c] = widened(bits[c], kType);
}

template <NarrowType kType>
void narrow_all(const float* values, std::size_t count, std::uint16_t* bits) {
  const IntTag d;
  const FloatTag df;
  std::size_t c = 0;
  for (; c + hn::Lanes(df) <= count; c += hn::Lanes(df)) {
    const auto loaded = hn::BitCast(d, hn::LoadU(df, values + c));
    const auto value =
        kType == NarrowType::kBfloat16 ? narrow_to_bfloat16(loaded) : narrow_to_float16(loaded);
    hn::StoreU(hn::DemoteTo(HalfTag(), value), HalfTag(), bits + c);
  }
  for (; c < count; ++c) bits[c] = narrowed(values[c], kType);
}

void widen_bfloat16s(const std::uint16_t* bits, std::size_t count, float* values) {
  widen_all<NarrowType::kBfloat16>(bits, count, values);
}
void widen_float16s(const std::uint16_t* bits, std::size_t count, float* values) {
  widen_all<NarrowType::kFloat16>(bits, count, values);
}
void narrow_to_bfloat16s(const float* values, std::size_t count, std::uint16_t* bits) {
  narrow_all<NarrowType::kBfloat16>(values, count, bits);
}
void narrow_to_float16s(const float* values, std::size_t count, std::uint16_t* bits) {
  narrow_all<NarrowType::kFloat16>(values, count, bits);
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
