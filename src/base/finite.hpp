// Whether numbers are finite, at the speed of reading them.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace detox {

/// Takes numbers in one after the other. Whole numbers all the way, so that compilers vectorise it
/// without being allowed to reorder sums.
class FiniteCheck {
 public:
  void add(float value) {
    constexpr std::uint32_t kExponent = 0x7f800000, kLowestOfIt = 0x00800000;
    // Only an exponent of ones carries into the sign.
    carries_ |= (std::bit_cast<std::uint32_t>(value) & kExponent) + kLowestOfIt;
  }
  bool all_finite() const { return carries_ >> 31U == 0; }

 private:
  std::uint32_t carries_ = 0;
};

inline bool all_finite(std::span<const float> values) {
  FiniteCheck check;
  for (const float value : values) check.add(value);
  return check.all_finite();
}

}  // namespace detox
