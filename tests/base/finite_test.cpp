#include "base/finite.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace detox {
namespace {

using Limits = std::numeric_limits<float>;

TEST(Finite, AcceptsEveryNumberHoweverLargeOrSmall) {
  for (const float value : {0.0F, -0.0F, Limits::max(), Limits::lowest(), Limits::min(),
                            Limits::denorm_min(), -Limits::denorm_min(), 1.0F, -1e38F}) {
    EXPECT_TRUE(all_finite(std::vector<float>(33, value))) << value;
  }
  EXPECT_TRUE(all_finite({}));
}

TEST(Finite, FindsTheOneThatIsNotWhereverItStands) {
  for (const float value : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
                            -Limits::quiet_NaN(), Limits::signaling_NaN()}) {
    for (std::size_t place = 0; place < 37; ++place) {
      std::vector<float> values(37, Limits::max());
      values[place] = value;
      EXPECT_FALSE(all_finite(values)) << value << " at " << place;
    }
  }
}

}  // namespace
}  // namespace detox
