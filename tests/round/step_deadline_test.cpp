#include "round/step_deadline.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

TEST(StepDeadline, OfTheFirstStepIsTheStartTimeout) {
  EXPECT_EQ(StepDeadline(60, 600).seconds(), 600);
  EXPECT_EQ(StepDeadline(60, 10).seconds(), 60);
}

TEST(StepDeadline, IsTheLargerOfTheStepTimeoutAndTenTimesTheMedian) {
  StepDeadline deadline(60, 600);
  for (const double seconds : {1.0, 30.0, 2.0}) deadline.add(seconds);
  EXPECT_EQ(deadline.seconds(), 60);
  for (const double seconds : {20.0, 21.0}) deadline.add(seconds);
  EXPECT_EQ(deadline.seconds(), 200);
}

TEST(StepDeadline, TakesTheLowerOfTwoInTheMiddle) {
  StepDeadline deadline(1, 600);
  deadline.add(50);
  deadline.add(2);
  EXPECT_EQ(deadline.seconds(), 20);
}

TEST(StepDeadline, NeverExceedsTheLargerTimeout) {
  StepDeadline deadline(60, 600);
  for (int step = 0; step < 50; ++step) deadline.add(deadline.seconds());
  EXPECT_EQ(deadline.seconds(), 600);
}

TEST(StepDeadline, ForgetsOldSteps) {
  StepDeadline deadline(1, 600);
  for (int step = 0; step < 1000; ++step) deadline.add(40);
  for (int step = 0; step < 51; ++step) deadline.add(2);
  EXPECT_EQ(deadline.seconds(), 20);
}

}  // namespace
}  // namespace detox
