#include "stages/attack/occasions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace detox {
namespace {

using Workers = std::vector<std::uint32_t>;

/// Of nine workers.
std::vector<bool> nine(std::initializer_list<std::size_t> which) {
  std::vector<bool> flags(9);
  for (const std::size_t worker : which) flags[worker] = true;
  return flags;
}

Workers liars(const Occasions& occasions, const std::vector<bool>& byzantine,
              const Workers& workers, const std::vector<bool>& silent = nine({}),
              std::uint64_t step = 1, std::uint32_t slice = 0) {
  const Key key = key_from_seed(428);
  return liars_about(occasions, {step, key, byzantine, silent}, slice, workers);
}

double error(double share, double trials) { return std::sqrt(share * (1 - share) / trials); }

TEST(Occasions, AreAllUnlessSomethingElseIsAsked) {
  EXPECT_EQ(liars({}, nine({2, 4, 8}), {4, 1, 2}), (Workers{4, 2}));
  EXPECT_EQ(liars({}, nine({2}), {4, 1, 3}), Workers());
}

TEST(Occasions, OfARateAreThatShareOfStepsAndSlicesForAllColludersAlike) {
  const std::vector<bool> byzantine = nine({0, 1, 2, 5});
  for (const double rate : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    double lies = 0;
    std::vector<double> by_slice(3);
    for (std::uint64_t step = 1; step <= 2000; ++step) {
      for (std::uint32_t slice = 0; slice < 3; ++slice) {
        const Workers found =
            liars({.lie_rate = rate}, byzantine, {0, 7, 1}, nine({}), step, slice);
        ASSERT_TRUE(found.empty() || found == (Workers{0, 1}));
        // Whoever else is in the slice decides the same.
        ASSERT_EQ(liars({.lie_rate = rate}, byzantine, {5, 8, 2}, nine({}), step, slice).empty(),
                  found.empty());
        lies += found.empty() ? 0 : 1;
        by_slice[slice] += found.empty() ? 0 : 1;
      }
    }
    EXPECT_NEAR(lies / 6000, rate, 3 * error(rate, 6000)) << rate;
    for (const double count : by_slice) EXPECT_NEAR(count / 2000, rate, 4 * error(rate, 2000));
  }
}

TEST(Occasions, OfSilenceAreThatShareOfStepsForEachByzantineWorkerByItself) {
  const std::vector<bool> byzantine = nine({0, 3, 8});
  for (const double rate : {0.0, 0.2, 1.0}) {
    std::vector<double> silent(9);
    double both = 0;
    for (std::uint64_t step = 1; step <= 3000; ++step) {
      const auto found = silent_workers({.silent_rate = rate}, byzantine, key_from_seed(428), step);
      for (std::size_t worker = 0; worker < 9; ++worker) silent[worker] += found[worker] ? 1 : 0;
      both += found[0] && found[3] ? 1 : 0;
    }
    for (std::size_t worker = 0; worker < 9; ++worker) {
      const double share = byzantine[worker] ? rate : 0;
      EXPECT_NEAR(silent[worker] / 3000, share, 4 * error(share, 3000)) << worker;
    }
    EXPECT_NEAR(both / 3000, rate * rate, 4 * error(rate * rate, 3000));
  }
}

TEST(Occasions, ThatAreSafeAreSlicesWithoutAnHonestCopy) {
  const Occasions safe{.lie_when = LieWhen::kSafe};
  EXPECT_EQ(liars(safe, nine({1, 4, 7}), {4, 7, 1}), (Workers{4, 7, 1}));
  EXPECT_EQ(liars(safe, nine({1, 4}), {4, 1, 7}), Workers());
  EXPECT_EQ(liars(safe, nine({1, 4}), {7, 1, 4}), Workers());
  // Who says nothing sends no copy, and tells no lie.
  EXPECT_EQ(liars(safe, nine({1, 4, 7}), {4, 7, 1}, nine({7})), (Workers{4, 1}));
}

TEST(Occasions, ThatAreSafeInALazyStepAreSlicesWhoseFirstCopiesAgree) {
  const Occasions safe{.lie_when = LieWhen::kSafe, .is_lazy = true};
  EXPECT_EQ(liars(safe, nine({1, 4}), {4, 1, 7}), (Workers{4, 1}));
  EXPECT_EQ(liars(safe, nine({1, 4}), {4, 7, 1}), Workers());
  // The third is asked for the one who says nothing.
  EXPECT_EQ(liars(safe, nine({1, 4}), {4, 1, 7}, nine({1})), Workers());
  EXPECT_EQ(liars(safe, nine({1, 4, 7}), {4, 1, 7}, nine({1})), (Workers{4, 7}));
}

TEST(Occasions, MayBeTheFirstCopyOrTheSecondAlone) {
  const Occasions first{.lie_when = LieWhen::kFirst}, second{.lie_when = LieWhen::kSecond};
  EXPECT_EQ(liars(first, nine({1, 4, 7}), {4, 7, 1}), (Workers{4}));
  EXPECT_EQ(liars(second, nine({1, 4, 7}), {4, 7, 1}), (Workers{7}));
  EXPECT_EQ(liars(first, nine({1}), {4, 7, 1}), Workers());
  EXPECT_EQ(liars(second, nine({1}), {1}), Workers());
  EXPECT_EQ(liars(first, nine({4}), {4, 7, 1}, nine({4})), Workers());
}

}  // namespace
}  // namespace detox
