#include "stages/assign/slice_schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace detox {
namespace {

using Samples = std::vector<std::uint32_t>;

Samples slice_of(SliceSchedule& schedule, std::uint64_t step, std::size_t slice) {
  schedule.begin_step(step);
  const auto samples = schedule.samples(slice);
  return {samples.begin(), samples.end()};
}

/// All samples of a step in the order of the slices.
Samples step_of(SliceSchedule& schedule, std::uint64_t step, std::size_t slices) {
  Samples all;
  for (std::size_t slice = 0; slice < slices; ++slice) {
    const Samples part = slice_of(schedule, step, slice);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(SliceSchedule, VisitsASampleAtMostOnceAnEpochAndDropsTheRest) {
  constexpr std::size_t kSamples = 103, kSlices = 3, kPerStep = 20;
  SliceSchedule schedule(kSamples, kSlices, kPerStep, key_from_seed(1));
  EXPECT_EQ(schedule.steps_per_epoch(), 5U);
  std::set<std::uint32_t> seen;
  for (std::uint64_t step = 1; step <= 5; ++step) {
    EXPECT_EQ(schedule.epoch(step), 0U);
    for (const std::uint32_t sample : step_of(schedule, step, kSlices)) {
      EXPECT_LT(sample, kSamples);
      EXPECT_TRUE(seen.insert(sample).second) << "sample " << sample << " comes twice";
    }
  }
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(schedule.epoch(6), 1U);
}

TEST(SliceSchedule, UsesEverySampleWhereAStepDividesTheEpoch) {
  SliceSchedule schedule(60, 4, 20, key_from_seed(1));
  Samples all;
  for (std::uint64_t step = 1; step <= 3; ++step) {
    const Samples part = step_of(schedule, step, 4);
    all.insert(all.end(), part.begin(), part.end());
  }
  std::sort(all.begin(), all.end());
  for (std::uint32_t i = 0; i < 60; ++i) EXPECT_EQ(all[i], i);
  EXPECT_EQ(schedule.epoch(4), 1U);
}

TEST(SliceSchedule, MakesTheFirstSlicesTheLargerWhereTheyDoNotDivideTheBatch) {
  SliceSchedule schedule(100, 7, 24, key_from_seed(1));
  std::vector<std::size_t> sizes;
  for (std::size_t slice = 0; slice < 7; ++slice) {
    sizes.push_back(schedule.slice_size(slice));
    EXPECT_EQ(slice_of(schedule, 1, slice).size(), schedule.slice_size(slice));
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 4, 4, 3, 3, 3, 3}));
}

TEST(SliceSchedule, TakesTheSameSamplesInAStepForAnyNumberOfSlices) {
  SliceSchedule one(500, 1, 45, key_from_seed(9));
  for (const std::size_t slices : {2U, 7U, 15U, 45U}) {
    SliceSchedule many(500, slices, 45, key_from_seed(9));
    for (const std::uint64_t step : {1U, 2U, 11U, 12U, 23U})
      EXPECT_EQ(step_of(many, step, slices), step_of(one, step, 1));
  }
}

TEST(SliceSchedule, DrawsAnotherPermutationEachEpochAndForEachKey) {
  SliceSchedule schedule(200, 1, 200, key_from_seed(1)), other(200, 1, 200, key_from_seed(2));
  std::set<Samples> epochs;
  for (std::uint64_t step = 1; step <= 10; ++step) epochs.insert(step_of(schedule, step, 1));
  EXPECT_EQ(epochs.size(), 10U);
  EXPECT_NE(step_of(schedule, 1, 1), step_of(other, 1, 1));
}

TEST(SliceSchedule, GivesTheSameSamplesAgainAfterGoingBack) {
  SliceSchedule schedule(100, 4, 30, key_from_seed(1)), fresh(100, 4, 30, key_from_seed(1));
  const Samples second = step_of(schedule, 2, 4), third = step_of(schedule, 3, 4);
  step_of(schedule, 8, 4);
  EXPECT_EQ(step_of(schedule, 2, 4), second);
  EXPECT_EQ(step_of(fresh, 3, 4), third);  // a resumed run begins in the middle
}

TEST(SliceSchedule, MakesEverySampleAboutEquallyLikelyToComeFirst) {
  SliceSchedule schedule(8, 1, 8, key_from_seed(5));
  std::vector<int> first(8);
  for (std::uint64_t step = 1; step <= 8000; ++step) ++first[step_of(schedule, step, 1)[0]];
  double chi_squared = 0;
  for (const int count : first) chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_squared, 24.3);  // 7 degrees of freedom, p = 0.001
}

}  // namespace
}  // namespace detox
