// f hostile rows, of every kind that a defence has tripped over, never reach the result.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

using test::Sample;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr std::array kGeometryRules = {"bulyan", "caf", "cge",   "faba",       "geometric-median",
                                       "krum",   "mda", "monna", "multi-krum", "smea"};

/// Honest rows with f hostile ones among them, at every other place.
template <class T>
Sample<T> attacked(std::size_t n, std::size_t f, std::size_t d, const std::vector<T>& kinds) {
  auto sample = test::normal_sample<T>(n, d, n + f + d);
  test::Random random(5);
  for (std::size_t i = 0; i < f; ++i) {
    for (T& value : sample.values[2 * i]) value = kinds[random.below(kinds.size())];
  }
  return sample;
}

bool is_hostile(std::size_t row, std::size_t f) { return row % 2 == 0 && row / 2 < f; }

template <class T>
void expect_among_honest(const Sample<T>& sample, std::size_t f, const std::vector<T>& out) {
  for (std::size_t c = 0; c < out.size(); ++c) {
    T low = std::numeric_limits<T>::max(), high = std::numeric_limits<T>::lowest();
    for (std::size_t i = 0; i < sample.values.size(); ++i) {
      if (is_hostile(i, f)) continue;
      low = std::min(low, sample.values[i][c]);
      high = std::max(high, sample.values[i][c]);
    }
    ASSERT_GE(out[c], low) << "column " << c;
    ASSERT_LE(out[c], high) << "column " << c;
  }
}

/// Centered clipping goes a way of a bounded length towards every row, dnc sees the largest alone.
/// Some rules take n - f values or rows, or half of them, and so hostile ones that look like honest
/// ones.
bool stays_among_honest_values(const RuleInfo& rule, bool some_look_honest) {
  if (rule.name == "normal" || rule.name == "signSGD" || rule.name == "centered-clipping" ||
      rule.name == "dnc")
    return false;
  if (!some_look_honest) return true;
  return rule.name != "aksel" && rule.name != "caf" && rule.name != "cge" && rule.name != "faba" &&
         rule.name != "mda" && rule.name != "meamed" && rule.name != "monna" &&
         rule.name != "phocas" && rule.name != "smea";
}

template <class T>
void expect_harmless(const std::vector<T>& kinds) {
  for (const RuleInfo& rule : rules()) {
    const bool some_look_honest =
        std::ranges::any_of(kinds, [](T kind) { return std::abs(kind) < 10; });  // false for NaN
    if (!stays_among_honest_values(rule, some_look_honest)) continue;
    for (const BulyanVariant variant : {BulyanVariant::kPaper, BulyanVariant::kDetox}) {
      for (const std::size_t n : {7UL, 11UL, 15UL, 24UL}) {
        for (const std::size_t d : {1UL, 17UL, 5000UL}) {
          const std::size_t f = test::most_hostile(rule, n);
          SCOPED_TRACE(testing::Message() << rule.name << " n = " << n << ", d = " << d);
          auto sample = attacked<T>(n, f, d, kinds);
          const RuleOptions options{.f = f, .bulyan_variant = variant, .reference_row = 1};
          expect_among_honest(sample, f, test::run_rule(rule.name, options, sample));
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(HostileRows, OfNanAreHarmless) {
  expect_harmless<float>({kNan});
  expect_harmless<float>({-kNan});
  expect_harmless<double>({std::numeric_limits<double>::quiet_NaN()});
}
TEST(HostileRows, OfInfinitiesAreHarmless) {
  expect_harmless<float>({kInf});
  expect_harmless<float>({-kInf});
  expect_harmless<float>({kInf, -kInf, 0});
}
TEST(HostileRows, WithOneNanAreHarmless) { expect_harmless<float>({kNan, 0, 0, 0, 0.1F}); }
TEST(HostileRows, OfHugeNumbersAreHarmless) {
  expect_harmless<float>({1e38F});
  expect_harmless<float>({-3.4e38F, 3.4e38F});
  expect_harmless<float>({1e30F});
  expect_harmless<float>({1e10F});
  expect_harmless<double>({1e300});
  expect_harmless<double>({1e38, -1e38});
}

TEST(HostileRows, DoNotChangeWhatTheOthersGive) {
  // Whatever a row that is not finite holds, a geometry rule has the same bits.
  for (const char* name : kGeometryRules) {
    const std::size_t f = 2;
    std::vector<std::vector<float>> results;
    for (const std::vector<float>& kinds :
         {std::vector{kNan}, std::vector{kInf}, std::vector{-kInf, 1.0F, kNan}}) {
      auto sample = attacked<float>(11, f, 64, kinds);
      for (std::size_t i = 0; i < f; ++i) sample.values[2 * i][0] = kinds[0];
      results.push_back(test::run_rule(name, {.f = f, .reference_row = 1}, sample));
    }
    EXPECT_EQ(results[0], results[1]) << name;
    EXPECT_EQ(results[0], results[2]) << name;
  }
}

TEST(HostileRows, HaveOneVoteEachInSignSgd) {
  for (const bool rows_are_signs : {false, true}) {
    auto sample = test::normal_sample<float>(5, 40, 1);
    for (auto& row : sample.values) row.assign(40, -1.0F);
    sample.values[1].assign(40, kInf);
    sample.values[3].assign(40, kNan);
    const RuleOptions options{.f = 2, .rows_are_signs = rows_are_signs};
    EXPECT_EQ(test::run_rule("signSGD", options, sample), std::vector<float>(40, -1.0F));
  }
}

TEST(HostileRows, AreNamedInTheReport) {
  for (const char* name : kGeometryRules) {
    if (find_rule(name).tries_subsets) continue;  // these have no scores
    auto sample = test::normal_sample<float>(11, 20, 1);
    sample.values[3][7] = kNan;
    sample.values[5].assign(20, 1e20F);
    AggregationReport report;
    test::run_rule(name, {.f = 2}, sample, &report);
    const auto reason = [&report](std::size_t row) {
      for (const auto& rejection : report.rejected) {
        if (rejection.row == row) return rejection.reason;
      }
      return std::string();
    };
    EXPECT_EQ(reason(3), "not finite") << name;
    EXPECT_NE(reason(5), "") << name;
    EXPECT_EQ(std::count(report.selected.begin(), report.selected.end(), 3U), 0) << name;
    EXPECT_EQ(std::count(report.selected.begin(), report.selected.end(), 5U), 0) << name;
    ASSERT_EQ(report.scores.size(), 11U) << name;
    EXPECT_EQ(report.scores[3], std::numeric_limits<double>::infinity()) << name;
    EXPECT_GT(report.scores[5], report.scores[0]) << name;
    EXPECT_EQ(report.selected.size() + report.rejected.size(), 11U) << name;
  }
}

/// The first `bad` of 11 rows are NaN; f = 2.
std::vector<float> with_nan_rows(std::string_view rule, std::size_t bad, Sample<float>& sample,
                                 BulyanVariant variant = BulyanVariant::kPaper) {
  sample = test::normal_sample<float>(11, 20, 1);
  for (std::size_t i = 0; i < bad; ++i) sample.values[i].assign(20, kNan);
  return test::run_rule(rule, {.f = 2, .bulyan_variant = variant, .reference_row = 10}, sample);
}

TEST(HostileRows, MoreThanFOfThemAreStillNotReadByGeometryRules) {
  for (const char* name : kGeometryRules) {
    for (const BulyanVariant variant : {BulyanVariant::kPaper, BulyanVariant::kDetox}) {
      for (const std::size_t bad : {4UL, 10UL, 11UL}) {
        Sample<float> sample;
        const auto out = with_nan_rows(name, bad, sample, variant);
        for (std::size_t c = 0; c < out.size(); ++c) {
          float low = bad == 11 ? 0 : kInf, high = bad == 11 ? 0 : -kInf;
          for (std::size_t i = bad; i < 11; ++i) {
            low = std::min(low, sample.values[i][c]);
            high = std::max(high, sample.values[i][c]);
          }
          ASSERT_TRUE(out[c] >= low && out[c] <= high) << name << " with " << bad << ": " << out[c];
        }
      }
    }
  }
}

TEST(HostileRows, MoreThanFOfThemCountAsTheGreatestValuesInCoordinateRules) {
  Sample<float> sample;
  for (const std::size_t bad : {4UL, 5UL, 6UL, 11UL}) {
    const auto median = with_nan_rows("coord-median", bad, sample);
    for (std::size_t c = 0; c < median.size(); ++c) {
      // The 6th of 11 in ascending order.
      std::vector<float> numbers;
      for (std::size_t i = bad; i < 11; ++i) numbers.push_back(sample.values[i][c]);
      std::sort(numbers.begin(), numbers.end());
      if (bad < 6) {
        EXPECT_EQ(median[c], numbers[5]) << bad;
      } else {
        EXPECT_TRUE(std::isnan(median[c])) << bad;
      }
    }
    for (const char* name : {"trimmed-mean", "normal"}) {
      for (const float value : with_nan_rows(name, bad, sample)) EXPECT_TRUE(std::isnan(value));
    }
  }
}

TEST(HostileRows, MoreThanFOfThemHaveNoMoreVotesInSignSgdThanTheyAre) {
  Sample<float> sample;
  for (const std::size_t bad : {4UL, 10UL, 11UL}) {
    const auto out = with_nan_rows("signSGD", bad, sample);
    for (std::size_t c = 0; c < out.size(); ++c) {
      int sum = 0;
      for (std::size_t i = 0; i < 11; ++i) {
        const bool plus = i < bad ? c % 2 == 0 : sample.values[i][c] > 0;  // step 0
        sum += plus ? 1 : -1;
      }
      EXPECT_EQ(out[c], sum > 0 ? 1 : -1) << bad;
    }
  }
}

}  // namespace
}  // namespace detox
