// Every rule against its oracle, over awkward sizes and values.
#include <gtest/gtest.h>

#include <algorithm>

#include "stages/aggregate/oracles.hpp"
#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

using test::Sample;

/// The sum of distances of one is as small as that of the other: the point itself may not be
/// unique.
template <class T>
void expect_as_central(const oracle::Matrix& rows, const std::vector<T>& found,
                       const oracle::Vector& expected) {
  const double best = oracle::sum_of_distances(rows, expected);
  const double sum = oracle::sum_of_distances(rows, {found.begin(), found.end()});
  EXPECT_LE(sum, best * (1 + 1e-5) + 1e-12);
}

template <class T>
void compare(const RuleInfo& rule, const RuleOptions& options, Sample<T>& sample) {
  const oracle::Matrix matrix = sample.matrix();
  for (const std::uint64_t step : {0UL, 1UL}) {
    const std::vector<T> found = test::run_rule(rule.name, options, sample, nullptr, 1, step);
    const oracle::Vector expected = oracle::aggregate(rule.name, matrix, options, step);
    if (rule.name == "geometric-median") {
      expect_as_central(matrix, found, expected);
    } else {
      // caf's oracle approaches its eigenvectors; dnc takes whole rows, so that it need not.
      const double relative = sizeof(T) == 4 ? 1e-6 : rule.name == "caf" ? 1e-8 : 1e-13;
      double scale = 1;  // sums cancel: the error is relative to what was added, honest rows
      for (const double value : expected) scale = std::max(scale, std::abs(value));
      for (std::size_t c = 0; c < found.size(); ++c) {
        const auto value = static_cast<double>(found[c]);
        ASSERT_TRUE(test::is_close(value, expected[c], relative) ||
                    std::abs(value - expected[c]) <= relative * scale)
            << "column " << c << ": " << value << " but the oracle has " << expected[c];
      }
    }
    if (rule.name != "signSGD") break;
  }
}

/// The oracles of mda and smea try every set of rows, that of caf approaches an eigenvector of d
/// numbers.
bool is_worth_comparing(const RuleInfo& rule, const RuleOptions& options, std::size_t n,
                        std::size_t d) {
  if (rule.name == "normal") return options.f == 0;
  if (rule.name == "mda") return options.f <= 2 || n <= 12;
  if (rule.name == "smea") return d <= 17 && (n <= 10 || (options.f <= 1 && n <= 25));
  return (rule.name != "caf" && rule.name != "dnc") || d <= 17 || n <= 9;
}

template <class T>
void compare_all_sizes(const RuleInfo& rule, RuleOptions options) {
  for (std::size_t n = rule.min_rows(1); n <= 64; n += n < 12 ? 1 : 13) {
    for (const std::size_t d : {1UL, 15UL, 17UL, 1000UL}) {
      for (const std::size_t f : {std::size_t{0}, std::size_t{1}, test::most_hostile(rule, n)}) {
        options.f = f;
        if (!is_worth_comparing(rule, options, n, d)) continue;
        SCOPED_TRACE(testing::Message()
                     << rule.name << " n = " << n << ", d = " << d << ", f = " << f);
        auto sample = test::normal_sample<T>(n, d, n * 1000 + d + f);
        compare(rule, options, sample);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Rules, EqualTheirOraclesOnFloats) {
  for (const RuleInfo& rule : rules()) compare_all_sizes<float>(rule, {});
}

TEST(Rules, EqualTheirOraclesOnDoubles) {
  for (const RuleInfo& rule : rules()) compare_all_sizes<double>(rule, {});
}

TEST(Bulyan, EqualsItsOracleInTheVariantOfTheOriginalDetox) {
  RuleOptions options;
  options.bulyan_variant = BulyanVariant::kDetox;
  compare_all_sizes<float>(find_rule("bulyan"), options);
}

TEST(MultiKrum, EqualsItsOracleForEveryNumberOfRows) {
  for (std::size_t m = 1; m <= 9; ++m) {
    RuleOptions options{.f = 2, .krum_select = m};
    auto sample = test::normal_sample<float>(11, 50, m);
    compare(find_rule("multi-krum"), options, sample);
  }
}

TEST(Rules, EqualTheirOraclesWhereMostRowsAreEqual) {
  for (const RuleInfo& rule : rules()) {
    for (const std::size_t n : {7UL, 8UL, 15UL}) {
      auto sample = test::normal_sample<float>(n, 17, n);
      for (std::size_t i = 0; i + 2 < n; ++i) sample.values[i] = sample.values[0];
      const RuleOptions options{.f = rule.name == "normal" ? 0 : test::most_hostile(rule, n)};
      SCOPED_TRACE(testing::Message() << rule.name << " n = " << n);
      compare(rule, options, sample);
    }
  }
}

TEST(Rules, EqualTheirOraclesOnTiesInTheColumns) {
  // Distances tie as well here, and float sums break such ties otherwise than exact ones:
  // coordinate rules alone.
  for (const char* name : {"coord-median", "trimmed-mean", "meamed", "signSGD"}) {
    const RuleInfo& rule = find_rule(name);
    for (const std::size_t n : {3UL, 4UL, 9UL, 16UL, 33UL}) {
      auto sample = test::tied_sample<float>(n, 100, n);
      RuleOptions options{.f = test::most_hostile(rule, n)};
      SCOPED_TRACE(testing::Message() << rule.name << " n = " << n);
      compare(rule, options, sample);
    }
  }
}

TEST(Rules, EqualTheirOraclesWithHostileRowsOfEveryKind) {
  const std::vector<float> kinds = {std::numeric_limits<float>::quiet_NaN(),
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity(),
                                    1e38F,
                                    -1e38F,
                                    1e-42F};
  for (const RuleInfo& rule : rules()) {
    // The geometric median leaves far rows out: HostileRows has tests of its own for that.
    if (rule.name == "normal" || rule.name == "geometric-median") continue;
    for (const std::size_t n : {11UL, 12UL, 23UL}) {
      if (rule.name == "smea" && n > 12) continue;
      const std::size_t f = std::min(test::most_hostile(rule, n), rule.tries_subsets ? 3UL : n);
      for (const float kind : kinds) {
        auto sample = test::normal_sample<float>(n, 40, n);
        for (std::size_t i = 0; i < f; ++i) sample.values[2 * i].assign(40, kind);
        SCOPED_TRACE(testing::Message() << rule.name << " n = " << n << ", rows of " << kind);
        compare(rule, {.f = f, .reference_row = 1}, sample);
      }
    }
  }
}

TEST(CenteredClipping, EqualsItsOracleForEveryRadiusAndNumberOfRounds) {
  for (const double radius : {0.1, 3.0, 6.0}) {
    for (const std::size_t rounds : {1UL, 2UL, 10UL}) {
      auto sample = test::normal_sample<float>(11, 50, rounds);
      sample.values[4].assign(50, 1e30F);
      compare(find_rule("centered-clipping"),
              {.f = 2, .clip_radius = radius, .clip_rounds = rounds}, sample);
    }
  }
}

TEST(CenteredClipping, GoesOnFromItsLastResultAsInAnotherRound) {
  auto sample = test::normal_sample<float>(11, 50, 3);
  sample.values[4].assign(50, 1e30F);
  const auto clip = [&](std::size_t rounds, std::span<const float> start) {
    ThreadPool pool(2);
    Workspace workspace;
    AggregationContext context{.pool = pool, .workspace = workspace, .step = 0, .start = start};
    std::vector<float> out(50);
    const RuleOptions options{.f = 2, .clip_radius = 3.0, .clip_rounds = rounds};
    make_aggregator("centered-clipping", options)->aggregate(sample.rows(), out, context);
    return out;
  };
  const std::vector<float> once = clip(1, {});
  EXPECT_NE(once, clip(2, {}));
  EXPECT_EQ(clip(1, once), clip(2, {}));
  EXPECT_EQ(clip(3, once), clip(4, {}));
  std::vector<float> lost = once;
  lost[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(clip(1, lost), once);
}

TEST(Dnc, DropsRowsThatStandOutAmongCoordinatesItDraws) {
  // 5 of 21 rows are moved a little in every coordinate of 50000, of which 10000 are drawn.
  auto sample = test::normal_sample<float>(21, 50000, 8);
  test::Sample<float> honest;
  for (std::size_t i = 0; i < 21; ++i) {
    if (i % 4 == 0 && i < 20) {
      for (float& value : sample.values[i]) value += 0.3F;
    } else {
      honest.values.push_back(sample.values[i]);
    }
  }
  EXPECT_EQ(test::run_rule("dnc", {.f = 5}, sample), test::run_rule("normal", {}, honest));
}

TEST(Dnc, DrawsByTheKeyAndTheStep) {
  auto sample = test::normal_sample<float>(9, 30000, 8);
  const auto run = [&](std::uint64_t seed, std::uint64_t step) {
    ThreadPool pool(2);
    Workspace workspace;
    AggregationContext context{pool, workspace, step, key_from_seed(seed)};
    std::vector<float> out(30000);
    make_aggregator("dnc", {.f = 4})->aggregate(sample.rows(), out, context);
    return out;
  };
  EXPECT_EQ(run(1, 1), run(1, 1));
  EXPECT_NE(run(1, 1), run(1, 2));
  EXPECT_NE(run(1, 1), run(2, 1));
}

TEST(Dnc, KeepsTheRowsDroppedLeastOftenWhereNoneWasKeptThroughout) {
  // Three rows, of which each round drops one, by coordinates that it alone draws.
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto sample = test::normal_sample<float>(3, 30000, seed);
    AggregationReport report;
    const auto found = test::run_rule("dnc", {.f = 1}, sample, &report);
    ASSERT_FALSE(report.selected.empty());
    double least = 5;
    for (const double score : report.scores) least = std::min(least, score);
    for (const std::size_t row : report.selected) EXPECT_EQ(report.scores[row], least);
    EXPECT_TRUE(std::isfinite(found[0]));
  }
}

TEST(MoNna, EqualsItsOracleForEveryTrustedRow) {
  for (std::size_t trusted = 0; trusted < 9; ++trusted) {
    auto sample = test::normal_sample<float>(9, 50, 1);
    compare(find_rule("monna"), {.f = 4, .reference_row = trusted}, sample);
  }
}

TEST(Mda, TakesTheFirstOfSetsOfTheSameDiameter) {
  // 0 and 4 apart, in the middle 2: {0, 2} and {2, 4} have the same diameter.
  test::Sample<double> sample{{{4}, {2}, {0}}, {}};
  EXPECT_EQ(test::run_rule("mda", {.f = 1}, sample)[0], 3);
  sample.values = {{0}, {2}, {4}};
  EXPECT_EQ(test::run_rule("mda", {.f = 1}, sample)[0], 1);
}

}  // namespace
}  // namespace detox
