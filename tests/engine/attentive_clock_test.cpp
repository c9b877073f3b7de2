#include "engine/attentive_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace detox {
namespace {

Clock::time_point time_at(double seconds) {
  return Clock::time_point() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(100 + seconds));
}

/// What the clock says after looks at these times, in seconds since it began.
double seconds_after(const std::vector<double>& looks, double most_s) {
  AttentiveClock clock;
  clock.begin(time_at(0), most_s);
  Clock::time_point now = time_at(0);
  for (const double look : looks) {
    const Clock::time_point next = clock.look(time_at(look));
    EXPECT_GE(next, now);
    now = next;
  }
  return std::chrono::duration<double>(now - time_at(0)).count();
}

TEST(AttentiveClock, GoesAsTimeDoesWhereItIsLookedAtOften) {
  EXPECT_NEAR(seconds_after({0.1, 0.3, 0.5}, 5), 0.5, 1e-6);
}

TEST(AttentiveClock, StandsStillDuringAStallOfAnyLength) {
  EXPECT_NEAR(seconds_after({0.1, 3600.1, 3600.2}, 5), 0.2, 1e-6);
  EXPECT_NEAR(seconds_after({0.1, 1.1, 1.2, 3.2}, 5), 0.2, 1e-6);
}

TEST(AttentiveClock, DoesNotStandStillForEverWhereEveryLookTakesLong) {
  std::vector<double> looks;
  for (int look = 1; look <= 100; ++look) looks.push_back(look);
  EXPECT_NEAR(seconds_after(looks, 5), 94, 1e-6);
}

}  // namespace
}  // namespace detox
