#include "stages/attack/fail_schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>

#include "stages/assign/placement.hpp"

namespace detox {
namespace {

std::size_t count(const std::vector<bool>& set) {
  return static_cast<std::size_t>(std::count(set.begin(), set.end(), true));
}

/// The most slices that any set of q workers owns, by trying all of them.
std::size_t most_slices(const Assignment& assignment, std::size_t q) {
  const std::size_t workers = assignment.workers();
  std::size_t most = 0;
  for (std::uint32_t set = 0; set < (1U << workers); ++set) {
    if (static_cast<std::size_t>(std::popcount(set)) != q) continue;
    std::size_t owned = 0;
    for (const auto& group : assignment.workers_of_slice) {
      std::size_t byzantine = 0;
      for (const std::uint32_t worker : group) byzantine += set >> worker & 1U;
      owned += 2 * byzantine > group.size() ? 1 : 0;
    }
    most = std::max(most, owned);
  }
  return most;
}

TEST(FailSchedule, MakesExactlyQWorkersByzantine) {
  const Assignment assignment = random_placement({23, 7, 1}, key_from_seed(1), 5);
  for (const auto schedule :
       {FailSchedule::kPerStep, FailSchedule::kFixed, FailSchedule::kWorstCase}) {
    for (std::size_t q = 0; q <= 23; ++q) {
      const auto set = byzantine_workers(schedule, q, assignment, key_from_seed(2), 5);
      EXPECT_EQ(set.size(), 23U);
      EXPECT_EQ(count(set), q);
    }
  }
}

TEST(FailSchedule, PerStepDrawsASetFromKeyAndStep) {
  const Assignment assignment = fixed_placement({45, 15, 1});
  const auto at = [&](std::uint64_t seed, std::uint64_t step) {
    return byzantine_workers(FailSchedule::kPerStep, 5, assignment, key_from_seed(seed), step);
  };
  EXPECT_EQ(at(1, 3), at(1, 3));
  EXPECT_NE(at(1, 3), at(2, 3));
  std::set<std::vector<bool>> sets;
  for (std::uint64_t step = 1; step <= 100; ++step) sets.insert(at(1, step));
  EXPECT_GE(sets.size(), 99U);  // of C(45, 5) = 1,221,759
}

TEST(FailSchedule, PerStepChoosesEveryWorkerEquallyOften) {
  const Assignment assignment = fixed_placement({9, 3, 1});
  std::vector<double> chosen(9);
  constexpr std::uint64_t kSteps = 9000;
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    const auto set =
        byzantine_workers(FailSchedule::kPerStep, 2, assignment, key_from_seed(1), step);
    for (std::size_t worker = 0; worker < 9; ++worker) chosen[worker] += set[worker] ? 1 : 0;
  }
  for (const double times : chosen) EXPECT_NEAR(times, 2000, 4 * 39.5);  // binomial deviation
}

TEST(FailSchedule, FixedKeepsOneSetForTheRun) {
  const Key key = key_from_seed(1);
  const auto first =
      byzantine_workers(FailSchedule::kFixed, 5, random_placement({45, 15, 1}, key, 1), key, 1);
  for (std::uint64_t step = 2; step <= 50; ++step) {
    const Assignment assignment = random_placement({45, 15, 1}, key, step);
    EXPECT_EQ(byzantine_workers(FailSchedule::kFixed, 5, assignment, key, step), first);
  }
  EXPECT_NE(
      byzantine_workers(FailSchedule::kFixed, 5, fixed_placement({45, 15, 1}), key_from_seed(2), 1),
      first);
}

TEST(FailSchedule, WorstCaseOwnsAsManySlicesAsThePaperAllows) {
  for (std::uint64_t step = 1; step <= 20; ++step) {
    const Assignment assignment = random_placement({45, 15, 1}, key_from_seed(1), step);
    const auto set =
        byzantine_workers(FailSchedule::kWorstCase, 5, assignment, key_from_seed(2), step);
    EXPECT_EQ(corrupted_slices(assignment, set), 2U);  // floor(5 / ceil(3 / 2))
    EXPECT_EQ(corrupted_slices(assignment, set), effective_corruption(5, 3));
  }
}

TEST(FailSchedule, WorstCaseOwnsAsManySlicesAsAnySetOfWorkersCan) {
  for (const auto& [workers, slices] :
       {std::pair{10U, 3U}, {11U, 2U}, {13U, 4U}, {14U, 2U}, {9U, 9U}, {12U, 5U}}) {
    const Assignment assignment = random_placement({workers, slices, 1}, key_from_seed(4), workers);
    for (std::size_t q = 0; q <= workers; ++q) {
      const auto set = byzantine_workers(FailSchedule::kWorstCase, q, assignment, {}, 1);
      EXPECT_EQ(corrupted_slices(assignment, set), most_slices(assignment, q))
          << "P = " << workers << ", k = " << slices << ", q = " << q;
    }
  }
}

TEST(FailSchedule, NoPlacementOfQAttackersOwnsMoreThanTheDefenceAssumes) {
  for (const auto& [workers, r] : {std::pair{10U, 3U}, {11U, 5U}, {13U, 3U}, {8U, 1U}}) {
    const Assignment assignment = fixed_placement({workers, workers / r, 1});
    for (std::size_t q = 0; q < workers; ++q) {
      EXPECT_LE(most_slices(assignment, q), effective_corruption(q, r))
          << "P = " << workers << ", r = " << r << ", q = " << q;
    }
  }
}

TEST(CorruptedSlices, CountMajoritiesAndNotHalves) {
  const Assignment assignment = fixed_placement({8, 2, 1});  // two groups of four
  EXPECT_EQ(corrupted_slices(assignment, {true, true, false, false, true, true, true, false}), 1U);
  EXPECT_EQ(corrupted_slices(assignment, std::vector<bool>(8, true)), 2U);
  EXPECT_EQ(corrupted_slices(assignment, std::vector<bool>(8, false)), 0U);
}

}  // namespace
}  // namespace detox
