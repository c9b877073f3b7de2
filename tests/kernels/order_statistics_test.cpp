#include "kernels/order_statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "kernels/every_target.hpp"
#include "kernels/samples.hpp"

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
std::vector<T> run_nearest(Sample<T>& sample, Nearest nearest) {
  const Rows<T> rows = sample.rows();
  const Plan plan(rows.n(), 0, rows.n());
  std::vector<T> out(rows.d), scratch(sort_scratch(rows.n()) + 64);
  void* aligned = scratch.data();
  std::size_t space = scratch.size() * sizeof(T);
  std::align(64, sort_scratch(rows.n()) * sizeof(T), aligned, space);
  const std::span<T> tile(static_cast<T*>(aligned), sort_scratch(rows.n()));
  mean_nearest({rows, 0, rows.d, out}, nearest, plan.plan, tile);
  return out;
}

/// Equal up to what double arithmetic may lose in a sum of n values, and one rounding to T. Signs
/// of zero and of NaN count where one value is the result.
template <class T>
void expect_mean(const Sample<T>& sample, const std::vector<T>& found,
                 const std::vector<double>& expected, bool is_one_value) {
  for (std::size_t c = 0; c < found.size(); ++c) {
    if (std::isnan(expected[c])) {
      ASSERT_TRUE(std::isnan(found[c])) << "column " << c;
      ASSERT_FALSE(std::signbit(found[c])) << "column " << c;
      continue;
    }
    const T value = static_cast<T>(expected[c]);
    if (is_one_value || !std::isfinite(value)) {
      ASSERT_EQ(found[c], value) << "column " << c;
      ASSERT_EQ(std::signbit(found[c]), std::signbit(value)) << "column " << c;
      continue;
    }
    double largest = 0;
    for (const auto& row : sample.values) {
      if (std::isfinite(row[c])) largest = std::max(largest, std::abs(static_cast<double>(row[c])));
    }
    const auto n = static_cast<double>(sample.values.size());
    const double lost = n * 0x1p-53 * largest + 0x1p-1074;
    const double unit = std::abs(expected[c]) * std::numeric_limits<T>::epsilon() / 2 +
                        static_cast<double>(std::numeric_limits<T>::denorm_min());
    ASSERT_LE(std::abs(static_cast<double>(found[c]) - expected[c]), lost + unit) << "column " << c;
  }
}

template <class T>
class OrderStatistics : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(OrderStatistics, Types);

template <class T>
void append_bytes(std::string& bytes, const std::vector<T>& values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// All results for one number of rows and of columns, compared with the reference; their bytes.
template <class T>
std::string compare(std::size_t n, std::size_t d) {
  std::string bytes;
  for (auto sample : {test::normal_sample<T>(n, d, n), test::tied_sample<T>(n, d, n),
                      test::bits_sample<T>(n, d, n)}) {
    const reference::Matrix matrix = sample.matrix();
    const std::size_t lo = (n - 1) / 2, hi = n / 2 + 1, f = lo / 2;
    const auto median = run_mean_of_sorted(sample, lo, hi);
    expect_mean(sample, median, reference::mean_of_sorted(matrix, lo, hi), hi - lo == 1);
    const auto trimmed = run_mean_of_sorted(sample, f, n - f);
    expect_mean(sample, trimmed, reference::mean_of_sorted(matrix, f, n - f), n - 2 * f == 1);
    const auto nearest = run_nearest(sample, {lo, hi, hi});
    expect_mean(sample, nearest, reference::mean_nearest(matrix, lo, hi, hi), hi == 1);
    for (const auto& result : {median, trimmed, nearest}) append_bytes(bytes, result);
  }
  return bytes;
}

TYPED_TEST(OrderStatistics, EqualTheReferenceAndGiveTheSameBytesOnEveryTargetAndAwkwardSize) {
  std::map<std::pair<std::size_t, std::size_t>, std::string> first;
  test::on_every_target([&](const char* target) {
    for (const std::size_t n :
         {1UL, 2UL, 3UL, 5UL, 8UL, 15UL, 16UL, 17UL, 32UL, 45UL, 64UL, 65UL}) {
      for (const std::size_t d : {1UL, 15UL, 17UL, 130UL}) {
        SCOPED_TRACE(testing::Message() << target << " n = " << n << ", d = " << d);
        const std::string bytes = compare<TypeParam>(n, d);
        EXPECT_EQ(bytes, first.emplace(std::pair(n, d), bytes).first->second);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

TYPED_TEST(OrderStatistics, NearestATrimmedMeanEqualTheReference) {
  for (const std::size_t n : {3UL, 7UL, 16UL, 45UL}) {
    const std::size_t f = n / 3;
    auto sample = test::normal_sample<TypeParam>(n, 200, n);
    expect_mean(sample, run_nearest(sample, {f, n - f, n - f}),
                reference::mean_nearest(sample.matrix(), f, n - f, n - f), false);
  }
}

TYPED_TEST(OrderStatistics, DoNotOverflowBesideTheLargestNumber) {
  using T = TypeParam;
  const T large = std::numeric_limits<T>::max();
  Sample<T> sample{{{large}, {large}, {large}, {large}}, {}};
  EXPECT_EQ(run_mean_of_sorted(sample, 1, 3)[0], large);
  EXPECT_EQ(run_mean_of_sorted(sample, 0, 4)[0], large);
  EXPECT_EQ(run_nearest(sample, {1, 3, 3})[0], large);
}

TYPED_TEST(OrderStatistics, NearestValuesAreTheLowerOnesOnATie) {
  using T = TypeParam;
  Sample<T> sample{{{T{-2}}, {T{-1}}, {T{0}}, {T{1}}, {T{2}}}, {}};
  EXPECT_EQ(run_nearest(sample, {2, 3, 2})[0], T{-0.5});
  EXPECT_EQ(run_nearest(sample, {2, 3, 4})[0], T{-0.5});
  EXPECT_EQ(run_nearest(sample, {2, 3, 5})[0], T{0});
}

template <class T>
std::vector<T> run_weighted(Sample<T>& sample, const WeightedPart& part) {
  const Rows<T> rows = sample.rows();
  const Plan plan(rows.n(), 0, rows.n());
  const std::size_t count = weighted_sort_scratch(rows.n());
  std::vector<T> out(rows.d), scratch(count + 64);
  void* aligned = scratch.data();
  std::size_t space = scratch.size() * sizeof(T);
  std::align(64, count * sizeof(T), aligned, space);
  weighted_mean_of_sorted({rows, 0, rows.d, out}, part, plan.plan,
                          {static_cast<T*>(aligned), count});
  return out;
}

template <class T>
void expect_weighted(Sample<T> sample, std::uint64_t seed) {
  const std::size_t n = sample.values.size();
  test::Random random(seed);
  std::vector<double> weights(n);
  double total = 0;
  // Sixteenths, some of them 0: sums are exact.
  for (double& weight : weights) total += weight = static_cast<double>(random.below(17)) / 16;
  if (total == 0) total = weights[0] = 1;
  for (const auto& [lo, hi] : std::vector<std::pair<double, double>>{{total / 2, total / 2},
                                                                     {0, total},
                                                                     {total / 4, total - total / 4},
                                                                     {total / 3, total / 2}}) {
    const std::vector<T> found = run_weighted(sample, {weights, lo, hi});
    const auto expected = reference::weighted_mean_of_sorted(sample.matrix(), weights, lo, hi);
    for (std::size_t c = 0; c < found.size(); ++c) {
      const auto value = static_cast<double>(found[c]);
      const auto wanted = static_cast<double>(static_cast<T>(expected[c]));
      ASSERT_TRUE(test::is_close(value, wanted, sizeof(T) == 4 ? 2e-7 : 1e-12) ||
                  std::abs(value - wanted) < (sizeof(T) == 4 ? 1e-7 : 1e-15))
          << "n = " << n << ", column " << c << " of [" << lo << ", " << hi << "): " << value
          << " but the reference has " << wanted;
    }
  }
}

TEST(WeightedMeanOfSorted, EqualsTheReferenceOnNumbersTiesAndAnyBits) {
  for (const std::size_t n : {1UL, 2UL, 3UL, 7UL, 16UL, 45UL, 64UL}) {
    for (const std::size_t d : {1UL, 15UL, 17UL, 200UL}) {
      expect_weighted(test::normal_sample<float>(n, d, n + d), n);
      expect_weighted(test::normal_sample<double>(n, d, n + d), n);
      expect_weighted(test::tied_sample<float>(n, d, n + d), n);
      expect_weighted(test::tied_sample<double>(n, d, n + d), n);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(WeightedMeanOfSorted, DoesNotLetInWhatLiesOutside) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Sample<float> sample{{{1}, {kNan}, {3}, {-kInf}, {2}}, {}};
  const std::vector<double> weights = {0.3, 0.1, 0.3, 0.1, 0.2};
  EXPECT_EQ(run_weighted(sample, {weights, 0.5, 0.5})[0], 2);
  EXPECT_FLOAT_EQ(run_weighted(sample, {weights, 0.1, 0.9})[0], 2);  // (0.3 + 0.4 + 0.9) / 0.8
  EXPECT_EQ(run_weighted(sample, {weights, 0.05, 0.9})[0], -kInf);
  EXPECT_TRUE(std::isnan(run_weighted(sample, {weights, 0.1, 0.95})[0]));
}

}  // namespace
}  // namespace detox
