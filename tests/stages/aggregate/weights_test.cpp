// Rows that count for more than others: equal weights are none, whole numbers are rows that are
// there so many times, no row buys more than its cap, and what cannot be is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "detox/errors.hpp"
#include "kernels/every_target.hpp"
#include "stages/aggregate/oracles.hpp"
#include "stages/aggregate/run_rule.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

using test::Sample;
using Weights = std::vector<double>;

constexpr double kNanWeight = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfWeight = std::numeric_limits<double>::infinity();
constexpr std::array kTakers = {"centered-clipping", "coord-median", "geometric-median", "normal",
                                "trimmed-mean"};

template <class T>
std::vector<T> run_weighted(std::string_view rule, const RuleOptions& options, Sample<T>& sample,
                            const Weights& weights, AggregationReport* report = nullptr,
                            std::size_t threads = 1) {
  ThreadPool pool(threads);
  Workspace workspace;
  AggregationContext context{.pool = pool, .workspace = workspace, .step = 0, .weights = weights};
  const Rows<T> rows = sample.rows();
  std::vector<T> out(rows.d);
  make_aggregator(rule, options)->aggregate(rows, out, context, report);
  return out;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Whole numbers from 1 to 4, so that f rows have less than half with f <= n / 5.
Weights whole_weights(std::size_t n, std::uint64_t seed) {
  test::Random random(seed);
  Weights weights(n);
  for (double& weight : weights) weight = static_cast<double>(random.below(4) + 1);
  return weights;
}

/// Every row as often as its weight says, and how many of them f rows can be.
oracle::Matrix repeated(const oracle::Matrix& rows, const Weights& weights) {
  oracle::Matrix all;
  for (std::size_t i = 0; i < rows.size(); ++i)
    all.insert(all.end(), static_cast<std::size_t>(weights[i]), rows[i]);
  return all;
}
std::size_t most_of(Weights weights, std::size_t f) {
  std::ranges::sort(weights, std::greater<>());
  return static_cast<std::size_t>(
      std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(f), 0.0));
}

template <class T>
void compare_with_repeated(const char* rule, std::size_t n, std::size_t d, std::size_t f,
                           Sample<T>& sample) {
  const Weights weights = whole_weights(n, n + d);
  const RuleOptions options{.f = f, .clip_radius = 3, .weight_cap = 64};
  RuleOptions as_rows = options;
  as_rows.f = most_of(weights, f);
  const std::vector<T> found = run_weighted(rule, options, sample, weights);
  const oracle::Matrix all = repeated(sample.matrix(), weights);
  const oracle::Vector expected = oracle::aggregate(rule, all, as_rows, 0);
  if (std::string_view(rule) == "geometric-median") {
    EXPECT_LE(oracle::sum_of_distances(all, {found.begin(), found.end()}),
              oracle::sum_of_distances(all, expected) * (1 + 1e-5) + 1e-12);
    return;
  }
  for (std::size_t c = 0; c < d; ++c) {
    ASSERT_TRUE(
        test::is_close(static_cast<double>(found[c]), expected[c], sizeof(T) == 4 ? 1e-6 : 1e-12) ||
        std::abs(static_cast<double>(found[c]) - expected[c]) < (sizeof(T) == 4 ? 1e-6 : 1e-13))
        << rule << " n = " << n << ", d = " << d << ", f = " << f << ", column " << c << ": "
        << found[c] << " but the oracle has " << expected[c];
  }
}

TEST(Weights, OfWholeNumbersAreRowsThatAreThereSoManyTimes) {
  for (const char* rule : kTakers) {
    for (const std::size_t n : {1UL, 2UL, 3UL, 6UL, 7UL, 16UL, 17UL, 45UL}) {
      for (const std::size_t d : {1UL, 15UL, 64UL, 1000UL}) {
        for (const std::size_t f : {std::size_t{0}, n / 5}) {
          if (f > 0 && std::string_view(rule) == "normal") continue;
          auto floats = test::normal_sample<float>(n, d, n * 7 + d);
          compare_with_repeated(rule, n, d, f, floats);
          auto doubles = test::normal_sample<double>(n, d, n * 7 + d);
          compare_with_repeated(rule, n, d, f, doubles);
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(Weights, OfWholeNumbersMeetTiesAndValuesThatAreNotFiniteAsRowsDo) {
  for (const char* rule : {"coord-median", "trimmed-mean"}) {
    for (const std::size_t n : {6UL, 16UL, 33UL}) {
      auto tied = test::tied_sample<float>(n, 200, n);
      compare_with_repeated(rule, n, 200, n / 5, tied);
      auto hostile = test::normal_sample<float>(n, 40, n);
      for (std::size_t i = 0; i < n / 5; ++i)
        hostile.values[2 * i].assign(40, i % 2 == 0 ? NAN : -INFINITY);
      compare_with_repeated(rule, n, 40, n / 5, hostile);
    }
  }
}

TEST(Weights, ThatAreEqualGiveTheBitsOfNoWeights) {
  for (const char* rule : kTakers) {
    for (const double weight : {1.0, 0.1, 3e300, 1e-310}) {
      auto sample = test::normal_sample<float>(12, 333, 1);
      const RuleOptions options{.f = 2};
      EXPECT_TRUE(same_bits(run_weighted(rule, options, sample, Weights(12, weight)),
                            test::run_rule(rule, options, sample)));
      // A cap of 1 makes all the same.
      RuleOptions capped = options;
      capped.weight_cap = 1;
      EXPECT_TRUE(same_bits(run_weighted(rule, capped, sample, whole_weights(12, 3)),
                            test::run_rule(rule, options, sample)));
    }
  }
}

TEST(Weights, ReachTheResultUpToTheirFactor) {
  for (const char* rule : kTakers) {
    auto sample = test::normal_sample<float>(12, 333, 1);
    Weights weights = whole_weights(12, 5), larger = weights;
    for (double& weight : larger) weight *= 0x1p900;
    const auto found = run_weighted(rule, {.f = 2}, sample, weights);
    EXPECT_TRUE(same_bits(run_weighted(rule, {.f = 2}, sample, larger), found)) << rule;
    EXPECT_FALSE(same_bits(test::run_rule(rule, {.f = 2}, sample), found)) << rule;
  }
}

/// The shares in the mean are those that the cap leaves.
Weights shares(const Weights& weights, double cap) {
  Sample<double> sample = test::normal_sample<double>(weights.size(), 1, 1);
  AggregationReport report;
  run_weighted("normal", {.weight_cap = cap}, sample, weights, &report);
  return report.weights;
}

TEST(Weights, AreCappedSoThatNoShareIsGreaterAndTheOthersKeepTheirProportions) {
  test::Random random(1);
  for (const std::size_t n : {2UL, 5UL, 12UL, 45UL}) {
    for (const double cap : {1.0, 1.5, 2.0, 4.0}) {
      Weights weights(n);
      for (double& weight : weights) weight = std::exp(3 * random.normal());
      const Weights found = shares(weights, cap);
      // The level by bisection: L = cap / n * sum of min(w, L).
      double low = 0, high = *std::ranges::max_element(weights);
      const auto total = [&](double level) {
        double sum = 0;
        for (const double weight : weights) sum += std::min(weight, level);
        return sum;
      };
      for (int k = 0; k < 200; ++k) {
        const double level = (low + high) / 2;
        (level <= cap / static_cast<double>(n) * total(level) ? low : high) = level;
      }
      const double level = cap == 1 ? *std::ranges::min_element(weights) : low;
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(found[i], std::min(weights[i], level) / total(level), 1e-9) << cap;
        EXPECT_LE(found[i], cap / static_cast<double>(n) * (1 + 1e-9));
      }
    }
  }
}

TEST(Weights, OfHostileRowsBuyNoMoreThanTheCap) {
  // 2 of 11 rows claim everything: capped, they have 4 / 11 of the weight.
  for (const char* rule : {"coord-median", "trimmed-mean", "geometric-median"}) {
    for (const float kind : {NAN, INFINITY, 1e38F, -3e38F, 1e10F}) {
      auto sample = test::normal_sample<float>(11, 40, 1);
      Weights weights = whole_weights(11, 1);
      for (const std::size_t row : {0UL, 7UL}) {
        sample.values[row].assign(40, kind);
        weights[row] = 1e300;
      }
      const auto out = run_weighted(rule, {.f = 2}, sample, weights);
      for (std::size_t c = 0; c < 40; ++c) {
        float low = INFINITY, high = -INFINITY;
        for (std::size_t i = 0; i < 11; ++i) {
          if (weights[i] == 1e300) continue;
          low = std::min(low, sample.values[i][c]);
          high = std::max(high, sample.values[i][c]);
        }
        ASSERT_TRUE(out[c] >= low && out[c] <= high) << rule << ' ' << kind << ": " << out[c];
      }
    }
  }
}

TEST(Weights, OfAHeavyCentreDoNotLetAFarRowSetTheScale) {
  // The hostile row has 9 of 20, the medoid 6: of what lies around the medoid most is hostile.
  Sample<float> sample{{{1e30F, 1e30F}, {0.1F, 0.2F}, {1, 0}, {-0.5F, 1}}, {}};
  const Weights weights = {9, 6, 2.5, 2.5};
  const RuleOptions options{.f = 1, .weight_cap = 4};
  const auto found = run_weighted("geometric-median", options, sample, weights);
  for (const float value : found) EXPECT_LE(std::abs(value), 1);
}

TEST(Weights, BoundHowFarARowMovesCenteredClipping) {
  auto sample = test::normal_sample<double>(11, 40, 1);
  Weights weights(11, 1.0);
  weights[3] = 1e300;
  auto moved = sample;
  moved.values[3].assign(40, 1e100);
  const RuleOptions options{.f = 2, .clip_radius = 0.5};
  const auto a = run_weighted("centered-clipping", options, sample, weights);
  const auto b = run_weighted("centered-clipping", options, moved, weights);
  double squared = 0;
  for (std::size_t c = 0; c < 40; ++c) squared += (a[c] - b[c]) * (a[c] - b[c]);
  EXPECT_LE(std::sqrt(squared), 2 * 0.5 * 2.0 / 11);
  EXPECT_GT(std::sqrt(squared), 0);
}

TEST(Weights, OfZeroLeaveTheRowOut) {
  for (const char* rule : kTakers) {
    auto sample = test::normal_sample<float>(9, 40, 1);
    Weights weights = whole_weights(9, 2);
    weights[4] = 0;
    const RuleOptions options{.f = 1, .weight_cap = 4};
    const auto found = run_weighted(rule, options, sample, weights);
    // A row that is not finite and counts for nothing is still nothing.
    sample.values[4].assign(40, NAN);
    EXPECT_TRUE(same_bits(run_weighted(rule, options, sample, weights), found)) << rule;
  }
}

std::string refusal(std::string_view rule, const RuleOptions& options, const Weights& weights) {
  auto sample = test::normal_sample<float>(9, 3, 1);
  const std::string unmet = unmet_weights(find_rule(rule), options, weights, 9);
  try {
    run_weighted(rule, options, sample, weights);
  } catch (const UsageError& error) {
    EXPECT_EQ(error.what(), unmet);
    return error.what();
  }
  EXPECT_EQ(unmet, "");
  return "";
}

TEST(Weights, ThatCannotBeAreRefusedInOneLine) {
  const Weights good = {1, 2, 3, 1, 2, 3, 1, 2, 3};
  EXPECT_EQ(refusal("median", {.f = 2}, good), "");
  EXPECT_EQ(refusal("krum", {.f = 2}, good),
            "krum takes no weights; valid: centered-clipping, coord-median, geometric-median, "
            "normal, trimmed-mean");
  EXPECT_EQ(refusal("median", {.f = 2, .pre = parse_pre_steps("nnm")}, good),
            "weights are those of rows, and nnm leaves none by itself; valid: pre none");
  EXPECT_EQ(refusal("median", {.f = 2, .semantics = Semantics::kByzpy}, good),
            "byzfl and byzpy define no weights; valid: semantics paper");
  EXPECT_EQ(refusal("median", {.f = 2}, {1, 2}), "2 weights for 9 rows");
  EXPECT_EQ(refusal("median", {.f = 2}, Weights(9, 0.0)),
            "all weights are 0; valid: at least one above it");
  for (const double bad : {-1.0, kNanWeight, kInfWeight, -kInfWeight}) {
    Weights weights = good;
    weights[5] = bad;
    EXPECT_TRUE(refusal("mean", {}, weights).starts_with("the weight of row 5 is ")) << bad;
  }
  EXPECT_EQ(refusal("mean", {}, {1, 2, 3, 0, 0, 0, 0, 0, 0}),
            "3 of 9 rows have weight, and none may have more than 2/n of it (weight-cap); at least "
            "5 must");
  EXPECT_EQ(refusal("median", {.f = 3}, {9, 9, 9, 1, 1, 1, 1, 1, 1}),
            "coord-median needs less than half of the weight in the f rows that have most: f = 3, "
            "their part is 0.6667 (n = 9; weight-cap below n/(2f) = 1.5 prevents it)");
  EXPECT_EQ(refusal("median", {.f = 3, .weight_cap = 1.4}, {9, 9, 9, 1, 1, 1, 1, 1, 1}), "");
  EXPECT_EQ(refusal("mean", {.f = 3}, {9, 9, 9, 1, 1, 1, 1, 1, 1}), "");
}

TEST(Weights, KeepTheirProportionsBesideOneThatClaimsAnything) {
  Sample<float> sample;
  sample.values = {{0}, {1}, {2}, {1e30F}, {3}};
  for (const char* rule : kTakers) {
    for (const double small : {1.0, 1e-12, 1e-250}) {
      const auto with_claim = [&](double claim) {
        const Weights weights = {0.1 * small, 0.12 * small, 0.09 * small, claim, 0.15 * small};
        return run_weighted(rule, {.f = std::string_view(rule) == "normal" ? 0UL : 1UL}, sample,
                            weights);
      };
      const std::vector<float> expected = with_claim(1e6 * small);
      EXPECT_TRUE(std::isfinite(expected[0])) << rule << " " << small;
      for (const double claim : {1e300, 1.7e308})
        EXPECT_TRUE(same_bits(with_claim(claim), expected)) << rule << " " << claim << " " << small;
    }
  }
}

TEST(Weights, JustBelowHalfInHostileRowsAreHarmlessOrRefused) {
  Sample<float> few, more;
  few.values = {{1e30F}, {1}, {1.1F}, {1.2F}};
  more.values = {{1e30F}, {1e30F}, {0}, {1}, {2}, {3}, {4}, {5}, {6}};
  std::size_t refused = 0, harmless = 0;
  const auto try_out = [&](const char* rule, Sample<float>& sample, const RuleOptions& options,
                           const Weights& weights) {
    try {
      const float found = run_weighted(rule, options, sample, weights)[0];
      EXPECT_TRUE(found >= 0 && found <= 6) << rule << " " << found;  // false for NaN
      ++harmless;
    } catch (const UsageError&) {
      ++refused;
    }
  };
  for (int digits = 4; digits <= 16; ++digits) {
    const double little = std::pow(10, -digits);
    for (const char* rule : {"coord-median", "trimmed-mean", "geometric-median"}) {
      try_out(rule, few, {.f = 1, .weight_cap = 4}, {1, 0.5, 0.3, 0.2 + little});
      try_out(rule, more, {.f = 2, .weight_cap = 2.25 - little},
              {1e300, 1e300, 1, 1, 1, 1, 1, 1, 1});
    }
  }
  EXPECT_GT(refused, 20U);
  EXPECT_GT(harmless, 20U);
}

TEST(Weights, DoNotCarryAMeanBeyondTheGreatestNumber) {
  const double most = std::numeric_limits<double>::max();
  test::Random random(3);
  for (int round = 0; round < 300; ++round) {
    Sample<double> sample;
    sample.values.assign(8, {most, round % 2 == 0 ? most : -1e144});
    Weights weights;
    for (int i = 0; i < 8; ++i) weights.push_back(1.5 + random.uniform());
    for (const char* rule : {"coord-median", "trimmed-mean"})
      ASSERT_EQ(run_weighted(rule, {.f = 1, .weight_cap = 50}, sample, weights), sample.values[0]);
  }
}

template <class T>
void expect_same_bits_everywhere(const char* rule, Sample<T>& sample) {
  const Weights weights = whole_weights(sample.values.size(), 1);
  const RuleOptions options{.f = std::string_view(rule) == "normal" ? 0UL : 2UL};
  const auto expected = run_weighted(rule, options, sample, weights);
  EXPECT_TRUE(same_bits(run_weighted(rule, options, sample, weights, nullptr, 3), expected));
  test::on_every_target([&](const char* target) {
    EXPECT_TRUE(same_bits(run_weighted(rule, options, sample, weights), expected))
        << rule << " on " << target;
  });
}

TEST(Weights, GiveTheSameBitsWithAnyThreadsAndInstructionSet) {
  for (const char* rule : kTakers) {
    for (const std::size_t n : {11UL, 18UL}) {
      auto floats = test::normal_sample<float>(n, 20011, n);
      expect_same_bits_everywhere(rule, floats);
      auto bits = test::bits_sample<float>(n, 997, n);
      expect_same_bits_everywhere(rule, bits);
      auto double_bits = test::bits_sample<double>(n, 997, n);
      expect_same_bits_everywhere(rule, double_bits);
    }
  }
}

TEST(Weights, TakeNoMemoryAfterTheFirstCall) {
  for (const char* rule : kTakers) {
    auto sample = test::normal_sample<float>(18, 20000, 1);
    const Rows<float> rows = sample.rows();
    const Weights weights = whole_weights(18, 1);
    ThreadPool pool(2);
    Workspace workspace;
    AggregationContext context{.pool = pool, .workspace = workspace, .step = 0, .weights = weights};
    const auto aggregator = make_aggregator(rule, {.f = 2});
    std::vector<float> out(rows.d);
    aggregator->aggregate(rows, out, context);
    const std::size_t before = allocations().count;
    aggregator->aggregate(rows, out, context);
    EXPECT_EQ(allocations().count, before) << rule;
  }
}

TEST(Weights, DoNotLetAHugeRowHideAnotherFromTheGeometricMedian) {
  Sample<double> sample = test::normal_sample<double>(9, 20, 3);
  sample.values[2].assign(20, 1e100);
  sample.values[5].assign(20, 1e60);
  const std::vector<double> weights = {1, 1.5, 1.5, 1, 2, 1.5, 1, 2, 1.5};
  const auto found = run_weighted("geometric-median", {.f = 2}, sample, weights);
  for (const double value : found) EXPECT_LT(std::abs(value), 10);
}

}  // namespace
}  // namespace detox
