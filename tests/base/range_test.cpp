#include "base/range.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace detox {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Range, HasItsEndsUnlessTheyAreLeftOut) {
  const Range closed{.least = 1, .most = 2};
  EXPECT_TRUE(closed.contains(1));
  EXPECT_TRUE(closed.contains(2));
  EXPECT_FALSE(closed.contains(std::nextafter(1, 0)));
  EXPECT_FALSE(closed.contains(std::nextafter(2, 3)));
  const Range open{.least = 1, .most = 2, .above_least = true, .below_most = true};
  EXPECT_FALSE(open.contains(1));
  EXPECT_FALSE(open.contains(2));
  EXPECT_TRUE(open.contains(std::nextafter(1, 2)));
  EXPECT_TRUE(open.contains(std::nextafter(2, 1)));
}

TEST(Range, HasNoNumberThatIsNotFinite) {
  for (const double value : {kInfinity, -kInfinity, std::nan("")}) {
    EXPECT_FALSE(Range().contains(value));
    EXPECT_FALSE((Range{.least = 0}.contains(value)));
  }
}

TEST(Range, OfWholeNumbersHasNoOthers) {
  const Range whole{.least = 0, .whole = true};
  EXPECT_TRUE(whole.contains(3));
  EXPECT_FALSE(whole.contains(2.5));
}

TEST(Range, IsSaidInWords) {
  EXPECT_EQ(Range().words(), "a number");
  EXPECT_EQ((Range{.least = 0, .whole = true}.words()), "a whole number from 0");
  EXPECT_EQ((Range{.least = 1, .most = 1000, .whole = true}.words()),
            "a whole number from 1 to 1000");
  EXPECT_EQ((Range{.least = 0, .above_least = true}.words()), "a number above 0");
  EXPECT_EQ((Range{.least = 0, .most = 1, .above_least = true, .below_most = true}.words()),
            "a number above 0 and below 1");
  EXPECT_EQ((Range{.least = 0, .most = 1, .above_least = true}.words()),
            "a number above 0 and at most 1");
  EXPECT_EQ((Range{.least = 0, .most = 1, .below_most = true}.words()),
            "a number from 0 and below 1");
  EXPECT_EQ((Range{.most = 1}.words()), "a number at most 1");
}

}  // namespace
}  // namespace detox
