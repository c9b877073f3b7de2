// What redundancy is worth: the formulas against SPEC's numbers, against counting every set of
// attackers, and against simulated placements.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <ostream>

#include "stages/assign/placement.hpp"
#include "stages/attack/fail_schedule.hpp"

namespace detox {
namespace {

TEST(EffectiveCorruption, IsTheNumberOfMajoritiesThatQAttackersCanPayFor) {
  EXPECT_EQ(effective_corruption(5, 3), 2U);
  EXPECT_EQ(effective_corruption(5, 5), 1U);
  EXPECT_EQ(effective_corruption(5, 1), 5U);
  EXPECT_EQ(effective_corruption(1, 3), 0U);
  EXPECT_EQ(effective_corruption(2, 3), 1U);
  EXPECT_EQ(effective_corruption(0, 3), 0U);
  EXPECT_EQ(effective_corruption(5, 3, 2), 5U);  // each in the lists of two slices
  EXPECT_EQ(effective_corruption(1, 3, 2), 1U);
}

TEST(ExpectedCorruptedSlices, AreThePublishedNumbers) {
  EXPECT_NEAR(expected_corrupted_slices(45, 5, 3), 0.433, 0.0005);
  EXPECT_NEAR(expected_corrupted_slices(45, 5, 5), 0.059, 0.0005);
  EXPECT_NEAR(expected_corrupted_slices(25, 5, 5), 0.188, 0.0005);
}

TEST(ExpectedCorruptedSlices, AreTheMeanOverAllSetsOfAttackers) {
  for (const auto& [workers, group] : {std::pair{12U, 3U}, {15U, 5U}, {8U, 1U}, {14U, 7U}}) {
    const Assignment assignment = fixed_placement({workers, workers / group, 1});
    std::vector<double> corrupted(workers + 1), sets(workers + 1);
    for (std::uint32_t set = 0; set < (1U << workers); ++set) {
      std::vector<bool> byzantine(workers);
      for (std::uint32_t worker = 0; worker < workers; ++worker)
        byzantine[worker] = (set >> worker & 1U) != 0;
      const auto q = static_cast<std::size_t>(std::popcount(set));
      corrupted[q] += static_cast<double>(corrupted_slices(assignment, byzantine));
      sets[q] += 1;
    }
    for (std::size_t q = 0; q <= workers; ++q) {
      EXPECT_NEAR(expected_corrupted_slices(workers, q, group), corrupted[q] / sets[q], 1e-9)
          << "P = " << workers << ", r = " << group << ", q = " << q;
    }
  }
}

struct Cluster {
  std::size_t workers, q, group;
};
std::ostream& operator<<(std::ostream& out, const Cluster& c) {
  return out << "P=" << c.workers << " q=" << c.q << " r=" << c.group;
}

class SimulatedPlacements : public testing::TestWithParam<Cluster> {};

TEST_P(SimulatedPlacements, AgreeWithTheTheoryWithinThreeStandardErrors) {
  const auto [workers, q, group] = GetParam();
  const Key placement = derive_key(key_from_seed(428), "placement");
  const Key attack = derive_key(key_from_seed(428), "attack");
  constexpr std::size_t kSteps = 10000;
  double sum = 0, squares = 0;
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    const Assignment assignment = random_placement({workers, workers / group, 1}, placement, step);
    const auto corrupted = static_cast<double>(corrupted_slices(
        assignment, byzantine_workers(FailSchedule::kPerStep, q, assignment, attack, step)));
    sum += corrupted;
    squares += corrupted * corrupted;
  }
  const double mean = sum / kSteps;
  const double standard_error = std::sqrt((squares / kSteps - mean * mean) / (kSteps - 1));
  EXPECT_GT(standard_error, 0);
  EXPECT_NEAR(mean, expected_corrupted_slices(workers, q, group), 3 * standard_error);
}

INSTANTIATE_TEST_SUITE_P(Clusters, SimulatedPlacements,
                         testing::Values(Cluster{45, 5, 3}, Cluster{45, 5, 5}, Cluster{25, 5, 5},
                                         Cluster{9, 4, 3}, Cluster{45, 15, 3}));

}  // namespace
}  // namespace detox
