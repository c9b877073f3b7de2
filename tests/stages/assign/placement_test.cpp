#include "stages/assign/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace detox {
namespace {

void expect_every_worker_once_and_even_groups(const Assignment& assignment, std::size_t workers,
                                              std::size_t slices) {
  ASSERT_EQ(assignment.workers(), workers);
  ASSERT_EQ(assignment.slices(), slices);
  std::vector<int> seen(workers);
  std::size_t least = workers, most = 0;
  for (std::uint32_t slice = 0; slice < slices; ++slice) {
    const auto& group = assignment.workers_of_slice[slice];
    EXPECT_TRUE(std::is_sorted(group.begin(), group.end()));
    least = std::min(least, group.size());
    most = std::max(most, group.size());
    for (const std::uint32_t worker : group) {
      ASSERT_LT(worker, workers);
      ++seen[worker];
      EXPECT_EQ(assignment.slices_of_worker[worker], std::vector<std::uint32_t>{slice});
    }
  }
  EXPECT_LE(most - least, 1U);
  EXPECT_EQ(seen, std::vector<int>(workers, 1));
}

TEST(Placement, GivesEveryWorkerOneSliceInGroupsThatDifferByOneAtMost) {
  const Key key = key_from_seed(1);
  for (std::size_t workers = 1; workers <= 47; ++workers) {
    for (std::size_t r = 1; r <= std::min<std::size_t>(workers, 9); r += 2) {
      const std::size_t slices = workers / r;
      expect_every_worker_once_and_even_groups(fixed_placement({workers, slices, 1}), workers,
                                               slices);
      const Assignment random = random_placement({workers, slices, 1}, key, workers + r);
      expect_every_worker_once_and_even_groups(random, workers, slices);
      for (const auto& group : random.workers_of_slice) EXPECT_GE(group.size(), r);
    }
  }
}

TEST(Placement, FixedGroupsAreContiguousRanksTheLargerFirst) {
  const Assignment assignment = fixed_placement({11, 3, 1});
  const std::vector<std::vector<std::uint32_t>> expected = {{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10}};
  EXPECT_EQ(assignment.workers_of_slice, expected);
}

TEST(Placement, RandomGroupsAreAFunctionOfKeyAndStep) {
  const auto groups = [](std::uint64_t seed, std::uint64_t step) {
    return random_placement({45, 15, 1}, key_from_seed(seed), step).workers_of_slice;
  };
  EXPECT_EQ(groups(428, 7), groups(428, 7));
  EXPECT_NE(groups(428, 7), groups(429, 7));
  std::set<std::vector<std::vector<std::uint32_t>>> seen;
  for (std::uint64_t step = 1; step <= 200; ++step) seen.insert(groups(428, step));
  EXPECT_EQ(seen.size(), 200U);
}

TEST(OverlappingPlacement, GivesEachSliceDifferentWorkersAndDealsEveryPlaceEvenly) {
  const Key key = key_from_seed(5);
  for (std::size_t workers = 3; workers <= 24; ++workers) {
    for (std::size_t r = 3; r <= std::min<std::size_t>(7, workers); r += 2) {
      for (std::size_t slices = workers / r + 1; slices <= workers; ++slices) {
        const Seating seating{workers, slices, r};
        if (!seating.overlaps()) continue;
        const Assignment assignment = random_placement(seating, key, slices);
        for (std::size_t first = 1; first <= r; ++first) {
          std::vector<std::size_t> load(workers);
          for (const std::vector<std::uint32_t>& list : assignment.workers_of_slice) {
            ASSERT_EQ(list.size(), r);
            ASSERT_EQ(std::set(list.begin(), list.end()).size(), r);
            for (std::size_t i = 0; i < first; ++i) ++load[list[i]];
          }
          const auto [least, most] = std::ranges::minmax(load);
          ASSERT_LE(most, least + 1) << workers << " " << slices << " " << r << " " << first;
          ASSERT_LE(most, seating.lists());
        }
      }
    }
  }
}

TEST(Placement, DrawsTheOrderInWhichWorkersAreAskedAndChangesNothingElse) {
  const Key key = key_from_seed(5);
  for (const Seating& seating : {Seating{11, 3, 3}, Seating{9, 7, 3}}) {
    const Assignment before = fixed_placement(seating);
    std::map<std::uint32_t, int> firsts;
    for (std::uint64_t step = 1; step <= 300; ++step) {
      Assignment drawn = before;
      draw_order(drawn, key, step);
      EXPECT_EQ(drawn.slices_of_worker, before.slices_of_worker);
      for (std::size_t slice = 0; slice < seating.slices; ++slice) {
        EXPECT_TRUE(std::ranges::is_permutation(drawn.workers_of_slice[slice],
                                                before.workers_of_slice[slice]));
      }
      ++firsts[drawn.workers_of_slice[0].front()];
    }
    EXPECT_EQ(firsts.size(), before.workers_of_slice[0].size());
    for (const auto& [worker, times] : firsts) EXPECT_GT(times, 40) << worker;
  }
}

TEST(Placement, MakesEveryPlacementAboutEquallyLikely) {
  // 5 workers on slices of 3 and 2: C(5, 3) = 10 placements.
  std::map<std::vector<std::uint32_t>, int> counts;
  constexpr int kDraws = 20000;
  const Key key = key_from_seed(3);
  for (int step = 1; step <= kDraws; ++step) {
    ++counts[random_placement({5, 2, 1}, key, static_cast<std::uint64_t>(step))
                 .workers_of_slice[0]];
  }
  ASSERT_EQ(counts.size(), 10U);
  double chi_squared = 0;
  for (const auto& [group, count] : counts) {
    chi_squared += (count - 2000.0) * (count - 2000.0) / 2000.0;
  }
  EXPECT_LT(chi_squared, 27.9);  // 9 degrees of freedom, p = 0.001
}

}  // namespace
}  // namespace detox
