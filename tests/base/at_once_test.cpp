#include "base/at_once.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace detox {
namespace {

TEST(AtOnce, DoesEachOnceWithAnyNumberAtATime) {
  for (const std::size_t most : {0U, 1U, 3U, 100U}) {
    std::vector<std::atomic<int>> times(20);
    for_each_at_once(times.size(), most, [&](std::size_t i) { ++times[i]; });
    for (const std::atomic<int>& count : times) EXPECT_EQ(count, 1) << most << " at a time";
  }
}

TEST(AtOnce, DoesNothingForNothing) {
  for_each_at_once(0, 8, [](std::size_t) { ADD_FAILURE(); });
}

TEST(AtOnce, HasNoMoreUnderWayThanAllowedAndReallySoMany) {
  std::atomic<int> under_way{0}, most{0};
  std::atomic<bool> all_met{false};
  for_each_at_once(12, 4, [&](std::size_t) {
    const int here = ++under_way;
    for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
    }
    if (here == 4) all_met = true;
    for (int i = 0; i < 1000 && !all_met; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    --under_way;
  });
  EXPECT_EQ(most, 4);
}

}  // namespace
}  // namespace detox
