// 16-bit floats against their definitions: sign, exponent, fraction, and the nearest of them all.
#include "kernels/narrow.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "kernels/every_target.hpp"
#include "kernels/samples.hpp"

namespace detox {
namespace {

struct Format {
  NarrowType type;
  int fraction_bits, bias;
  std::uint16_t nan;
};
constexpr Format kFormats[] = {{NarrowType::kBfloat16, 7, 127, 0x7fc0},
                               {NarrowType::kFloat16, 10, 15, 0x7e00}};

std::uint16_t infinity_of(const Format& format) {
  return static_cast<std::uint16_t>(0x7fff >> format.fraction_bits << format.fraction_bits);
}

/// What bits of no sign mean; of infinity, what the next power of two would.
double meaning(std::uint16_t bits, const Format& format) {
  const int fraction = bits & ((1 << format.fraction_bits) - 1),
            exponent = bits >> format.fraction_bits;
  const int whole = exponent == 0 ? 0 : 1 << format.fraction_bits;
  return std::ldexp(whole + fraction, std::max(exponent, 1) - format.bias - format.fraction_bits);
}

/// The nearest of all, the even one of two.
std::uint16_t nearest(float value, const Format& format) {
  if (std::isnan(value)) return format.nan;
  const double size = std::abs(static_cast<double>(value));
  std::uint16_t low = 0, high = infinity_of(format);
  if (size >= meaning(high, format)) low = high;
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (meaning(middle, format) <= size ? low : high) = middle;
  }
  const double below = size - meaning(low, format), above = meaning(high, format) - size;
  const bool is_low =
      low == infinity_of(format) || below < above || (below == above && low % 2 == 0);
  return static_cast<std::uint16_t>((is_low ? low : high) | (std::signbit(value) ? 0x8000 : 0));
}

std::vector<std::uint16_t> all_bits() {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  return all;
}

std::vector<float> widen_all(const std::vector<std::uint16_t>& bits, const Format& format) {
  std::vector<float> values(bits.size());
  widen(bits, format.type, values);
  return values;
}

TEST(Narrow, ValuesAreWidenedToWhatTheyMean) {
  const std::vector<std::uint16_t> all = all_bits();
  for (const Format& format : kFormats) {
    test::on_every_target([&](const char*) {
      const std::vector<float> wide = widen_all(all, format);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto bits = std::bit_cast<std::uint32_t>(wide[i]);
        ASSERT_EQ(bits, std::bit_cast<std::uint32_t>(widened(all[i], format.type))) << i;
        ASSERT_EQ(bits >> 31U, i >> 15U) << i;
        const auto size = static_cast<std::uint16_t>(i & 0x7fffU);
        if (size > infinity_of(format)) {
          ASSERT_TRUE(std::isnan(wide[i])) << i;
        } else if (size == infinity_of(format)) {
          ASSERT_TRUE(std::isinf(wide[i])) << i;
        } else {
          ASSERT_EQ(std::abs(static_cast<double>(wide[i])), meaning(size, format)) << i;
        }
      }
    });
  }
}

TEST(Narrow, ValuesComeFromTheNearestFloats) {
  for (const Format& format : kFormats) {
    std::vector<float> values;
    for (const float wide :
         widen_all(all_bits(), format)) {  // itself, midway to the next, beside that
      values.push_back(wide);
      const float next = std::nextafter(wide, INFINITY);
      const auto step = static_cast<float>(
          std::ldexp(1.0, std::max(std::ilogb(wide), 1 - format.bias) - format.fraction_bits - 1));
      for (const float near : {next, wide + step, std::nextafter(wide + step, INFINITY),
                               std::nextafter(wide + step, -INFINITY)})
        values.push_back(near);
    }
    test::Random random(5);
    for (int i = 0; i < 200'001; ++i)
      values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random.bits())));
    std::vector<std::uint16_t> expected;
    expected.reserve(values.size());
    for (const float value : values) expected.push_back(nearest(value, format));
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(narrowed(values[i], format.type), expected[i]) << values[i];
    test::on_every_target([&](const char*) {
      std::vector<std::uint16_t> found(values.size());
      narrow_to(values, format.type, found);
      EXPECT_EQ(found, expected);
    });
  }
}

}  // namespace
}  // namespace detox
