#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "stages/bucket/buckets.hpp"

namespace detox {
namespace {

TEST(SplitIntoBuckets, PutsEveryRowIntoOneOfPartsThatDifferByOneAtMostTheLargerFirst) {
  for (std::size_t n = 1; n <= 33; ++n) {
    for (std::size_t b = 1; b <= n; ++b) {
      const auto buckets = buckets_of(n, b, key_from_seed(1), n + b);
      ASSERT_EQ(buckets.size(), b);
      std::vector<int> seen(n);
      for (std::size_t i = 0; i < b; ++i) {
        EXPECT_EQ(buckets[i].size(), n / b + (i < n % b ? 1 : 0));
        for (const std::uint32_t row : buckets[i]) ++seen.at(row);
      }
      EXPECT_EQ(seen, std::vector<int>(n, 1));
    }
  }
}

TEST(SplitIntoBuckets, IsAFunctionOfKeyAndStep) {
  const auto at = [](std::uint64_t seed, std::uint64_t step) {
    return buckets_of(15, 5, key_from_seed(seed), step);
  };
  EXPECT_EQ(at(1, 9), at(1, 9));
  EXPECT_NE(at(1, 9), at(2, 9));
  std::set<std::vector<std::vector<std::uint32_t>>> seen;
  for (std::uint64_t step = 1; step <= 200; ++step) seen.insert(at(1, step));
  EXPECT_EQ(seen.size(), 200U);
}

TEST(SplitIntoBuckets, MakesEverySplitAboutEquallyLikely) {
  std::map<std::vector<std::uint32_t>, double> counts;  // of the first bucket: C(5, 3) = 10
  for (std::uint64_t step = 1; step <= 20000; ++step)
    ++counts[buckets_of(5, 2, key_from_seed(2), step)[0]];
  ASSERT_EQ(counts.size(), 10U);
  double chi_squared = 0;
  for (const auto& [bucket, count] : counts) chi_squared += (count - 2000) * (count - 2000) / 2000;
  EXPECT_LT(chi_squared, 27.9);  // 9 degrees of freedom, p = 0.001
}

}  // namespace
}  // namespace detox
