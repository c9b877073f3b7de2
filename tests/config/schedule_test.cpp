// Batches, steps and the optimizer that follow from a configuration.
#include <gtest/gtest.h>

#include "config/plan.hpp"

namespace detox {
namespace {

TEST(SamplesPerStep, AreABatchForEverySliceOrTheGlobalBatch) {
  RunConfig config;
  config.workers = 45;
  config = resolve(config, 0);
  const Plan plan = make_plan(config);
  EXPECT_EQ(samples_per_step(config, plan), 32U * 15);
  config.global_batch = 361;
  EXPECT_EQ(samples_per_step(config, plan), 361U);
}

TEST(TotalSteps, EndWithTheStepsOrTheEpochsWhicheverComesFirst) {
  RunConfig config;
  config.max_steps = 1000;
  EXPECT_EQ(total_steps(config, 166), 1000U);
  config.epochs = 3;
  EXPECT_EQ(total_steps(config, 166), 498U);
  EXPECT_EQ(total_steps(config, 400), 1000U);
  config.epochs = 5;
  EXPECT_EQ(total_steps(config, 200), 1000U);
  config.epochs = ~0ULL;
  config.max_steps = ~0ULL;
  EXPECT_EQ(total_steps(config, 7), ~0ULL) << "must not overflow";
}

TEST(SgdOptions, AreThoseOfTheConfiguration) {
  RunConfig config;
  config.weight_decay = 5e-4;
  config.nesterov = true;
  const SgdOptions sgd = sgd_options(resolve(config, 0));
  EXPECT_EQ(sgd.lr, 0.01);
  EXPECT_EQ(sgd.momentum, 0.9);
  EXPECT_EQ(sgd.weight_decay, 5e-4);
  EXPECT_TRUE(sgd.nesterov);
}

TEST(LrScheduleOfAConfiguration, HasItsShapeWarmUpAndLength) {
  RunConfig config = resolve({}, 0);
  EXPECT_EQ(lr_schedule(config, 100).shape, LrShape::kConstant);
  config.lr_schedule = LrShape::kStep;
  config.lr_step_size = 20;
  config.lr_gamma = 0.5;
  EXPECT_EQ(lr_schedule(config, 100).at(21), 0.005);
  config.lr_schedule = LrShape::kCosine;
  config.warmup_steps = 10;
  const LrSchedule cosine = lr_schedule(config, 100);
  EXPECT_EQ(cosine.at(11), 0.01);
  EXPECT_NEAR(cosine.at(56), 0.005, 1e-15);
}

}  // namespace
}  // namespace detox
