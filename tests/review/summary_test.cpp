// The end of a training in numbers.
#include "review/summary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace detox {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

RunMetrics steps(const std::vector<double>& losses) {
  RunMetrics metrics;
  for (const double loss : losses) {
    StepMetrics step;
    step.step = metrics.steps.size() + 1;
    step.loss = loss;
    step.accuracy = 0.5;
    step.resolved = 1;
    step.seconds.total = 0.25;
    metrics.add(step);
  }
  return metrics;
}

TEST(Summary, IsTheMeanOfTheLastLosses) {
  const Summary summary = summarise(steps({9, 8, 1, 2, 6}), 3);
  EXPECT_EQ(summary.loss, 3);
  EXPECT_EQ(summary.steps, 5U);
  EXPECT_EQ(summary.steps_counted, 3U);
  EXPECT_EQ(summary.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(summary.seconds, 1.25);
  // Deviation of 1, 2, 6 by hand: sqrt((4 + 1 + 9) / 2), over the root of 3.
  EXPECT_NEAR(summary.loss_error, std::sqrt(7.0 / 3), 1e-12);
}

TEST(Summary, TakesAllStepsWhereThereAreFewer) {
  EXPECT_EQ(summarise(steps({2, 4}), 20).loss, 3);
  EXPECT_EQ(summarise(steps({2}), 20).loss_error, 0);
  EXPECT_EQ(summarise({}, 20).loss, std::nullopt);
}

// No slice had a majority then, which says nothing about the configuration's loss.
TEST(Summary, PassesOverStepsWithoutAMajority) {
  RunMetrics metrics = steps({5, 2, 7, 4});
  metrics.steps[2].resolved = 0;
  metrics.steps[2].loss.reset();
  const Summary summary = summarise(metrics, 2);
  EXPECT_EQ(summary.loss, 3);
  EXPECT_EQ(summary.steps, 4U);
  EXPECT_FALSE(summary.diverged);
}

TEST(Summary, HasNoAccuracyOfANetworkWithoutClasses) {
  RunMetrics metrics = steps({5, 2});
  for (StepMetrics& step : metrics.steps) step.accuracy.reset();
  EXPECT_EQ(summarise(metrics, 2).accuracy, std::nullopt);
}

TEST(Summary, CallsARunDivergedWhoseLossIsNotFiniteAtTheEnd) {
  EXPECT_TRUE(summarise(steps({2, 2, kNan}), 2).diverged);
  EXPECT_EQ(summarise(steps({2, 2, kNan}), 2).loss, std::nullopt);
  EXPECT_TRUE(summarise(steps({1e308, 1e308, 1.5e308}), 3).loss.has_value());
  EXPECT_TRUE(summarise(steps({std::numeric_limits<double>::max(), 1.7e308, 1.7e308}), 1).loss);
  EXPECT_FALSE(summarise(steps({2, kNan, 2, 2}), 2).diverged) << "it came back";
}

TEST(Summary, CallsARunDivergedThatEndsFarAboveItsBeginning) {
  EXPECT_TRUE(summarise(steps({2.3, 5, 4.7}), 1).diverged);
  EXPECT_FALSE(summarise(steps({2.3, 5, 4.5}), 1).diverged);
  EXPECT_FALSE(summarise(steps({kNan, 5, 4.5}), 1).diverged);
}

TEST(Summary, CountsATenthOfTheStepsWhereNobodySays) {
  EXPECT_EQ(default_last_steps(200), 20U);
  EXPECT_EQ(default_last_steps(12), 5U);
  EXPECT_EQ(default_last_steps(0), 5U);
}

}  // namespace
}  // namespace detox
