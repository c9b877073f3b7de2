#include "exchange/frame_budget.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

TEST(FrameBudget, IsNotExceededByWhatWasAskedFor) {
  FrameBudget budget;
  for (std::uint64_t step = 1; step <= 1000; ++step) {
    budget.grant(100, 100 * (step - 1));
    EXPECT_FALSE(budget.is_exceeded(100 * step)) << step;
  }
}

TEST(FrameBudget, IsNotExceededByAnswersThatComeLateAllAtOnce) {
  FrameBudget budget;
  for (int step = 0; step < 60; ++step) budget.grant(400, 0);
  EXPECT_FALSE(budget.is_exceeded(24000));
}

TEST(FrameBudget, IsExceededByAFloodHoweverLongItWasSilentBefore) {
  for (const int steps : {0, 1, 100, 100'000}) {
    FrameBudget budget;
    for (int step = 0; step < steps; ++step) {
      budget.grant(8, 0);
      budget.pass(60, 0);
    }
    EXPECT_TRUE(budget.is_exceeded(3000)) << steps;
  }
}

TEST(FrameBudget, GrowsWithTheTimeInWhichWeightsAreAskedFor) {
  FrameBudget budget;
  for (std::uint64_t second = 1; second <= 10'000; ++second) {
    budget.pass(1, second - 1);
    EXPECT_FALSE(budget.is_exceeded(second)) << second;
  }
}

}  // namespace
}  // namespace detox
