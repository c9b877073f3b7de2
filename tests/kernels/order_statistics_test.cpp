#include "kernels/order_statistics.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "kernels/samples.hpp"
#include "kernels/target.hpp"

namespace detox {
namespace {

using test::Sample;

struct Plan {
  std::vector<Comparator> storage;
  std::unique_ptr<bool[]> flags;
  SortPlan plan;
  Plan(std::size_t n, std::size_t lo, std::size_t hi)
      : storage(network_capacity(n)), flags(new bool[n]) {
    plan = plan_sort(n, lo, hi, storage, {flags.get(), n});
  }
};

template <class T>
std::vector<T> run_mean_of_sorted(Sample<T>& sample, std::size_t lo, std::size_t hi) {
  const Rows<T> rows = sample.rows();
  const Plan plan(rows.n(), lo, hi);
  std::vector<T> out(rows.d), scratch(sort_scratch(rows.n()) + 64);
  void* aligned = scratch.data();
  std::size_t space = scratch.size() * sizeof(T);
  std::align(64, sort_scratch(rows.n()) * sizeof(T), aligned, space);
  const std::span<T> tile(static_cast<T*>(aligned), sort_scratch(rows.n()));
  mean_of_sorted({rows, 0, rows.d, out}, plan.plan, tile);
  return out;
}

template <class T>
std::vector<T> run_nearest(Sample<T>& sample, std::size_t count) {
  const Rows<T> rows = sample.rows();
  const Plan plan(rows.n(), 0, rows.n());
  std::vector<T> out(rows.d), scratch(sort_scratch(rows.n()) + 64);
  void* aligned = scratch.data();
  std::size_t space = scratch.size() * sizeof(T);
  std::align(64, sort_scratch(rows.n()) * sizeof(T), aligned, space);
  const std::span<T> tile(static_cast<T*>(aligned), sort_scratch(rows.n()));
  mean_nearest_median({rows, 0, rows.d, out}, count, plan.plan, tile);
  return out;
}

template <class T>
void expect_bits(const std::vector<T>& found, const std::vector<double>& expected) {
  for (std::size_t c = 0; c < found.size(); ++c) {
    const T value = static_cast<T>(expected[c]);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(found[c])) << "column " << c;
      ASSERT_FALSE(std::signbit(found[c])) << "column " << c;
    } else {
      ASSERT_EQ(found[c], value) << "column " << c;
      ASSERT_EQ(std::signbit(found[c]), std::signbit(value)) << "column " << c;
    }
  }
}

template <class T>
class OrderStatistics : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(OrderStatistics, Types);

TYPED_TEST(OrderStatistics, EqualTheReferenceOnEveryTargetAndAwkwardSize) {
  using T = TypeParam;
  for (const char* target : {"scalar", "sse4", "avx2", "avx3"}) {
    try {
      force_kernel_target(target);
    } catch (const std::exception&) {
      continue;  // this processor does not have it
    }
    for (const std::size_t n :
         {1UL, 2UL, 3UL, 5UL, 8UL, 15UL, 16UL, 17UL, 32UL, 45UL, 64UL, 65UL}) {
      for (const std::size_t d : {1UL, 15UL, 17UL, 130UL}) {
        SCOPED_TRACE(testing::Message() << target << " n = " << n << ", d = " << d);
        for (auto sample : {test::normal_sample<T>(n, d, n), test::tied_sample<T>(n, d, n),
                            test::bits_sample<T>(n, d, n)}) {
          const reference::Matrix matrix = sample.matrix();
          const std::size_t lo = (n - 1) / 2, hi = n / 2 + 1, f = lo / 2;
          expect_bits(run_mean_of_sorted(sample, lo, hi),
                      reference::mean_of_sorted(matrix, lo, hi));
          expect_bits(run_mean_of_sorted(sample, f, n - f),
                      reference::mean_of_sorted(matrix, f, n - f));
          expect_bits(run_nearest(sample, hi), reference::mean_nearest_median(matrix, hi));
        }
      }
    }
  }
  force_kernel_target("");
}

TYPED_TEST(OrderStatistics, DoNotOverflowBesideTheLargestNumber) {
  using T = TypeParam;
  const T large = std::numeric_limits<T>::max();
  Sample<T> sample{{{large}, {large}, {large}, {large}}, {}};
  EXPECT_EQ(run_mean_of_sorted(sample, 1, 3)[0], large);
  EXPECT_EQ(run_mean_of_sorted(sample, 0, 4)[0], large);
  EXPECT_EQ(run_nearest(sample, 3)[0], large);
}

TYPED_TEST(OrderStatistics, NearestValuesAreTheLowerOnesOnATie) {
  using T = TypeParam;
  Sample<T> sample{{{T{-2}}, {T{-1}}, {T{0}}, {T{1}}, {T{2}}}, {}};
  EXPECT_EQ(run_nearest(sample, 2)[0], T{-0.5});
  EXPECT_EQ(run_nearest(sample, 4)[0], T{-0.5});
  EXPECT_EQ(run_nearest(sample, 5)[0], T{0});
}

}  // namespace
}  // namespace detox
