#include "stages/optimize/lr_schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace detox {
namespace {

LrSchedule schedule(LrShape shape, std::uint64_t warmup = 0) {
  LrSchedule result;
  result.shape = shape;
  result.base = 0.8;
  result.warmup_steps = warmup;
  result.step_size = 30;
  result.gamma = 0.5;
  result.total_steps = 100;
  return result;
}

TEST(LrSchedule, ConstantNeverChanges) {
  for (const std::uint64_t step : {1ULL, 2ULL, 1000000ULL})
    EXPECT_EQ(schedule(LrShape::kConstant).at(step), 0.8);
}

TEST(LrSchedule, StepDropsByGammaAfterEverySoManySteps) {
  const LrSchedule steps = schedule(LrShape::kStep);
  EXPECT_EQ(steps.at(1), 0.8);
  EXPECT_EQ(steps.at(30), 0.8);
  EXPECT_EQ(steps.at(31), 0.4);
  EXPECT_EQ(steps.at(60), 0.4);
  EXPECT_EQ(steps.at(61), 0.2);
  EXPECT_NEAR(steps.at(301), 0.8 * std::pow(0.5, 10), 1e-18);
}

TEST(LrSchedule, StepIsAPowerOfGammaAfterAnyNumberOfDropsAndAtOnce) {
  LrSchedule steps = schedule(LrShape::kStep);
  steps.step_size = 1;
  steps.gamma = 0.999999;
  for (const std::uint64_t drops : {1ULL, 2ULL, 3ULL, 1000ULL, 12345ULL, 1000000ULL}) {
    const double expected = 0.8 * std::pow(0.999999, static_cast<double>(drops));
    EXPECT_NEAR(steps.at(drops + 1) / expected, 1, 1e-9);
  }
  steps.gamma = 1;
  EXPECT_EQ(steps.at(1ULL << 60U), 0.8);
  steps.gamma = 0.1;
  EXPECT_EQ(steps.at(1ULL << 60U), 0.0);
}

TEST(LrSchedule, CosineFallsFromTheBaseToZeroOneStepAfterTheLast) {
  const LrSchedule cosine = schedule(LrShape::kCosine);
  EXPECT_EQ(cosine.at(1), 0.8);
  EXPECT_NEAR(cosine.at(51), 0.4, 1e-15);
  EXPECT_NEAR(cosine.at(26), 0.4 * (1 + std::sqrt(0.5)), 1e-15);
  EXPECT_GT(cosine.at(100), 0.0);
  EXPECT_LT(cosine.at(100), 0.001);
  EXPECT_NEAR(cosine.at(101), 0.0, 1e-16);
  EXPECT_NEAR(cosine.at(1000), 0.0, 1e-16);  // and does not rise again
  for (std::uint64_t step = 2; step <= 101; ++step) EXPECT_LT(cosine.at(step), cosine.at(step - 1));
}

TEST(LrSchedule, WarmUpRisesInALineAndReachesTheBase) {
  for (const LrShape shape : {LrShape::kConstant, LrShape::kStep, LrShape::kCosine}) {
    const LrSchedule warm = schedule(shape, 10);
    for (std::uint64_t step = 1; step <= 10; ++step)
      EXPECT_NEAR(warm.at(step), 0.08 * static_cast<double>(step), 1e-15);
    EXPECT_EQ(warm.at(11), 0.8);
  }
}

TEST(LrSchedule, BeginsAfterTheWarmUp) {
  const LrSchedule steps = schedule(LrShape::kStep, 10);
  EXPECT_EQ(steps.at(40), 0.8);
  EXPECT_EQ(steps.at(41), 0.4);
  const LrSchedule cosine = schedule(LrShape::kCosine, 10);
  EXPECT_NEAR(cosine.at(56), 0.4, 1e-15);  // half of the 90 steps that remain
  EXPECT_NEAR(cosine.at(101), 0.0, 1e-16);
}

TEST(LrSchedule, IsFiniteAndPositiveWhereTheWarmUpIsLongerThanTheRun) {
  for (const std::uint64_t warmup : {100ULL, 101ULL, 5000ULL, ~0ULL}) {
    const LrSchedule cosine = schedule(LrShape::kCosine, warmup);
    for (const std::uint64_t step : {1ULL, 99ULL, 100ULL}) {
      EXPECT_GT(cosine.at(step), 0.0);
      EXPECT_LE(cosine.at(step), 0.8);
    }
  }
}

}  // namespace
}  // namespace detox
