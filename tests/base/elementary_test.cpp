#include "base/elementary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace detox {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon();

TEST(NaturalLog, EqualsTheLogarithmOfLongDouble) {
  using Limits = std::numeric_limits<double>;
  for (const double x : {Limits::denorm_min(), Limits::min(), 1e-300, 1e-20, Limits::max()}) {
    const auto expected = static_cast<double>(std::log(static_cast<long double>(x)));
    EXPECT_NEAR(natural_log(x), expected, 2 * kUnit * std::abs(expected)) << x;
  }
  for (int i = 1; i <= 200000; ++i) {
    const double x = i / 50000.0;
    const auto expected = static_cast<double>(std::log(static_cast<long double>(x)));
    ASSERT_NEAR(natural_log(x), expected, 2 * kUnit * std::max(1.0, std::abs(expected))) << x;
  }
  EXPECT_EQ(natural_log(1), 0);
}

TEST(CosPi, EqualsTheCosineOfLongDouble) {
  for (int i = 0; i <= 200000; ++i) {
    const double x = i / 200000.0;
    const long double angle = std::numbers::pi_v<long double> * static_cast<long double>(x);
    ASSERT_NEAR(cos_pi(x), static_cast<double>(std::cos(angle)), 2 * kUnit) << x;
  }
  EXPECT_EQ(cos_pi(0), 1);
  EXPECT_EQ(cos_pi(0.5), 0);
  EXPECT_EQ(cos_pi(1), -1);
}

TEST(Elementary, HaveTheBitsThatEveryMachineHas) {
  // Recorded once: each is a number of IEEE 754 operations in a fixed order.
  EXPECT_EQ(natural_log(0.07), -0x1.5462a20517cffp+1);
  EXPECT_EQ(natural_log(1e-9), -0x1.4b927f32bffb8p+4);
  EXPECT_EQ(cos_pi(0.2), 0x1.9e3779b97f4a8p-1);
  EXPECT_EQ(cos_pi(0.3), 0x1.2cf2304755a5ep-1);
}

}  // namespace
}  // namespace detox
