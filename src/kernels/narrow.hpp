// 16-bit floats to floats and back. Integer arithmetic, and additions of which nothing is lost: the
// same bits on every processor, whatever it does with subnormal numbers.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "detox/rows.hpp"

namespace detox {

/// One value; exact. A NaN keeps its bits.
constexpr float widened(std::uint16_t bits, NarrowType type) {
  if (type == NarrowType::kBfloat16) return std::bit_cast<float>(std::uint32_t{bits} << 16U);
  const std::uint32_t sign = (bits & 0x8000U) << 16U, magnitude = (bits & 0x7fffU) << 13U;
  std::uint32_t value = magnitude + (112U << 23U);
  if (magnitude < (1U << 23U)) {  // 2^-14 + it, - 2^-14
    const float moved = std::bit_cast<float>(magnitude + (113U << 23U)) - 0x1p-14F;
    value = std::bit_cast<std::uint32_t>(moved);
  } else if (magnitude >= (31U << 23U)) {
    value += 112U << 23U;
  }
  return std::bit_cast<float>(sign | value);
}

/// The nearest 16-bit float, to even where two are; beyond the greatest an infinity. Every NaN
/// becomes 0x7fc0, or 0x7e00 of IEEE's.
constexpr std::uint16_t narrowed(float value, NarrowType type) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits & 0x80000000U, magnitude = bits ^ sign;
  const bool is_nan = magnitude > 0x7f800000U;
  if (type == NarrowType::kBfloat16) {
    const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
    return static_cast<std::uint16_t>(is_nan ? 0x7fc0U : rounded);
  }
  if (is_nan) return 0x7e00;
  std::uint32_t rounded = 0x7c00;
  if (magnitude < (113U << 23U)) {  // one unit of 1/2 + it is the least subnormal
    rounded = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - (126U << 23U);
  } else if (magnitude < (143U << 23U)) {
    rounded = (magnitude - (112U << 23U) + 0xfffU + ((magnitude >> 13U) & 1U)) >> 13U;
  }
  return static_cast<std::uint16_t>((sign >> 16U) | rounded);
}

/// values = the same of all bits, which are as many. Pure; one call, one thread.
void widen(std::span<const std::uint16_t> bits, NarrowType type, std::span<float> values);
void narrow_to(std::span<const float> values, NarrowType type, std::span<std::uint16_t> bits);

}  // namespace detox
