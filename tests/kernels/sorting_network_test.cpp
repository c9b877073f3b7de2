#include "kernels/sorting_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/samples.hpp"

namespace detox {
namespace {

struct Network {
  std::vector<Comparator> storage;
  std::unique_ptr<bool[]> flags;
  std::span<const Comparator> steps;

  Network(std::size_t n, std::size_t lo, std::size_t hi)
      : storage(network_capacity(n)), flags(new bool[n]) {
    steps = {storage.data(), build_network(n, lo, hi, storage, {flags.get(), n})};
  }

  void apply(std::vector<int>& values) const {
    for (const Comparator& step : steps) {
      const auto [least, greatest] = std::minmax({values[step.low], values[step.high]});
      constexpr int kUndefined = -1000;
      values[step.low] = step.keep == Comparator::Keep::kGreater ? kUndefined : least;
      values[step.high] = step.keep == Comparator::Keep::kLesser ? kUndefined : greatest;
    }
  }
};

TEST(SortingNetwork, SortsEveryZeroOneInputAndSoEverything) {
  for (std::size_t n = 1; n <= 14; ++n) {
    const Network network(n, 0, n);
    for (std::size_t pattern = 0; pattern < std::size_t{1} << n; ++pattern) {
      std::vector<int> values;
      for (std::size_t i = 0; i < n; ++i) values.push_back(static_cast<int>(pattern >> i & 1));
      network.apply(values);
      ASSERT_TRUE(std::is_sorted(values.begin(), values.end())) << "n = " << n;
    }
  }
}

TEST(SortingNetwork, PrunedToARangeStillHasTheRightValuesThere) {
  test::Random random(1);
  for (const std::size_t n : {2UL, 3UL, 7UL, 16UL, 17UL, 33UL, 45UL, 64UL, 65UL, 300UL}) {
    const std::size_t lo = random.below(n), hi = lo + 1 + random.below(n - lo);
    const Network network(n, lo, hi);
    for (int round = 0; round < 20; ++round) {
      std::vector<int> values;
      for (std::size_t i = 0; i < n; ++i) values.push_back(static_cast<int>(random.below(n)));
      std::vector<int> sorted = values;
      std::sort(sorted.begin(), sorted.end());
      network.apply(values);
      for (std::size_t i = lo; i < hi; ++i) ASSERT_EQ(values[i], sorted[i]) << "n = " << n;
    }
  }
}

TEST(SortingNetwork, IsSmallerForAMedianThanForASort) {
  EXPECT_LT(Network(45, 22, 23).steps.size(), Network(45, 0, 45).steps.size());
}

}  // namespace
}  // namespace detox
