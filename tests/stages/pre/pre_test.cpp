// Pre-aggregation: every step against its definition, chains against the same chain on whole
// vectors, whatever rule follows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "detox/errors.hpp"
#include "stages/aggregate/oracles.hpp"
#include "stages/aggregate/run_rule.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

using test::Sample;

double norm(const oracle::Vector& row) {
  double sum = 0;
  for (const double value : row) sum += value * value;
  return std::isfinite(sum) ? std::sqrt(sum) : std::numeric_limits<double>::infinity();
}

oracle::Matrix clipped(oracle::Matrix rows, double radius) {
  for (oracle::Vector& row : rows) {
    const double factor = radius / norm(row);
    for (double& value : row) {
      if (factor < 1 && factor > 0) value *= factor;
    }
  }
  return rows;
}

oracle::Matrix adaptively_clipped(const oracle::Matrix& rows, std::size_t f) {
  const std::size_t n = rows.size();
  std::vector<double> norms;
  for (const oracle::Vector& row : rows) norms.push_back(norm(row));
  std::sort(norms.begin(), norms.end());
  const auto k = static_cast<std::size_t>(
      2.0 * static_cast<double>(f) / static_cast<double>(n) * static_cast<double>(n - f) + 1e-9);
  return clipped(rows, norms[n - k - 1]);
}

oracle::Matrix nearest_mixed(const oracle::Matrix& rows, std::size_t f) {
  oracle::Matrix mixed;
  for (const oracle::Vector& row : rows) {
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t j = 0; j < rows.size(); ++j) {
      double distance = 0;
      for (std::size_t c = 0; c < row.size(); ++c) distance += std::pow(row[c] - rows[j][c], 2);
      if (!std::isfinite(distance)) distance = std::numeric_limits<double>::infinity();
      order.emplace_back(distance, j);
    }
    mixed.push_back(row);
    if (!std::isfinite(norm(row))) continue;
    std::sort(order.begin(), order.end());
    for (std::size_t c = 0; c < row.size(); ++c) {
      mixed.back()[c] = 0;
      for (std::size_t k = 0; k < rows.size() - f; ++k) {
        mixed.back()[c] += rows[order[k].second][c] / static_cast<double>(rows.size() - f);
      }
    }
  }
  return mixed;
}

oracle::Matrix step_by_definition(const PreStep& step, const oracle::Matrix& rows, std::size_t f) {
  if (step.info->name == "nnm") return nearest_mixed(rows, f);
  if (step.info->name == "arc") return adaptively_clipped(rows, f);
  return clipped(rows, step.parameter);
}

/// Of every kind: by columns, by geometry, by distances to a point. Points that nnm has mixed
/// differ by one row each and so are at equal distances: what bulyan and mda choose among those
/// hangs on the last bit.
constexpr std::array kRules = {"normal", "coord-median", "trimmed-mean",
                               "meamed", "multi-krum",   "geometric-median",
                               "caf",    "aksel",        "centered-clipping"};
constexpr std::array kRulesThatTie = {"bulyan", "mda"};

void expect_as_defined(const std::string& chain, std::string_view rule, std::size_t f,
                       Sample<float>& sample) {
  SCOPED_TRACE(testing::Message() << chain << " before " << rule << ", f = " << f);
  RuleOptions options{.f = f, .pre = parse_pre_steps(chain)};
  const std::vector<float> found = test::run_rule(rule, options, sample);
  oracle::Matrix rows = sample.matrix();
  for (const PreStep& step : options.pre) rows = step_by_definition(step, rows, f);
  const oracle::Vector expected = oracle::aggregate(rule, rows, options, 0);
  if (rule == "geometric-median") {
    EXPECT_LE(oracle::sum_of_distances(rows, {found.begin(), found.end()}),
              oracle::sum_of_distances(rows, expected) * (1 + 1e-5) + 1e-5);
    return;
  }
  double scale = 0;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (std::size_t c = 0; c < found.size(); ++c) {
    ASSERT_NEAR(static_cast<double>(found[c]), expected[c], 1e-5 * scale) << "column " << c;
  }
}

TEST(PreAggregation, EqualsTheSameChainOnWholeVectorsBeforeEveryRule) {
  for (const char* chain :
       {"nnm", "arc", "clipping:c=3", "clipping:c=3,nnm", "nnm,arc", "nnm,nnm,clipping:c=1.5"}) {
    for (const char* rule : kRules) {
      for (const std::size_t d : {15UL, 5000UL}) {
        auto sample = test::normal_sample<float>(11, d, d);
        expect_as_defined(chain, rule, 2, sample);
      }
    }
  }
}

TEST(PreAggregation, EqualsTheSameChainBeforeRulesThatTieWhereNothingTies) {
  for (const char* chain : {"arc", "clipping:c=3", "clipping:c=3,arc"}) {
    for (const char* rule : kRulesThatTie) {
      for (const std::size_t d : {15UL, 5000UL}) {
        auto sample = test::normal_sample<float>(13, d, d);
        expect_as_defined(chain, rule, 2, sample);
      }
    }
  }
}

TEST(PreAggregation, SurvivesHostileRowsOfEveryKind) {
  for (const float kind : {std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::infinity(), 1e38F, -1e30F, 1e7F}) {
    for (const char* chain : {"nnm", "arc", "arc,nnm", "clipping:c=4,nnm"}) {
      for (const char* rule : kRules) {
        if (rule == std::string_view("normal") && !(std::abs(kind) < 1e30F)) continue;
        if (rule == std::string_view("normal") && std::string_view(chain) == "nnm") continue;
        auto sample = test::normal_sample<float>(11, 300, 4);
        for (const std::size_t row : {2UL, 7UL}) {
          sample.values[row].assign(300, kind);
          sample.values[row][row] = 0.5F;
        }
        expect_as_defined(chain, rule, 2, sample);
      }
    }
  }
}

TEST(PreAggregation, OfBucketsTakesMeansOfDisjointBucketsThatChangeWithStepAndKey) {
  // Rows are unit vectors, so that the mean shows who was with whom.
  constexpr std::size_t kRows = 9;
  Sample<double> sample;
  for (std::size_t i = 0; i < kRows; ++i) {
    sample.values.emplace_back(kRows, 0.0);
    sample.values.back()[i] = 1;
  }
  const Rows<double> rows = sample.rows();
  const auto weights = [&](std::uint64_t step, std::uint64_t seed) {
    ThreadPool pool(1);
    Workspace workspace;
    AggregationContext context{pool, workspace, step, key_from_seed(seed)};
    std::vector<double> out(kRows);
    AggregationReport report;
    make_aggregator("krum", {.f = 0, .pre = parse_pre_steps("bucketing:s=3")})
        ->aggregate(rows, out, context, &report);
    EXPECT_EQ(std::count(out.begin(), out.end(), 1.0 / 3), 3);
    EXPECT_EQ(std::count(out.begin(), out.end(), 0.0), 6);
    EXPECT_EQ(report.selected.size(), 3U);  // all rows of the bucket
    EXPECT_EQ(report.rejected.size(), 6U);
    EXPECT_EQ(report.rejected[0].reason, "a mean with this row: not the row of least score");
    EXPECT_EQ(report.weights, out);
    return out;
  };
  EXPECT_EQ(weights(1, 1), weights(1, 1));
  std::vector<std::vector<double>> seen;
  for (std::uint64_t step = 0; step < 8; ++step) seen.push_back(weights(step, 1));
  for (std::uint64_t seed = 2; seed < 8; ++seed) seen.push_back(weights(0, seed));
  std::sort(seen.begin(), seen.end());
  EXPECT_GT(std::unique(seen.begin(), seen.end()) - seen.begin(), 5);
}

TEST(PreAggregation, OfTheMeanByBucketsIsTheMean) {
  auto sample = test::normal_sample<double>(12, 40, 1);
  const auto expected = test::run_rule("normal", {}, sample);
  const auto found = test::run_rule("normal", {.pre = parse_pre_steps("bucketing:s=4")}, sample);
  for (std::size_t c = 0; c < found.size(); ++c) EXPECT_NEAR(found[c], expected[c], 1e-14);
}

TEST(PreAggregation, HasTheSameBitsForAnyNumberOfThreads) {
  for (const char* rule : kRules) {
    auto sample = test::normal_sample<float>(11, 40000, 2);
    const RuleOptions options{.f = 2, .pre = parse_pre_steps("arc,nnm,bucketing:s=1")};
    const auto expected = test::run_rule(rule, options, sample, nullptr, 1);
    EXPECT_EQ(test::run_rule(rule, options, sample, nullptr, 3), expected) << rule;
  }
}

TEST(PreAggregation, AllocatesNothingAfterTheFirstCall) {
  auto sample = test::normal_sample<float>(15, 20000, 1);
  const Rows<float> rows = sample.rows();
  ThreadPool pool(2);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  std::vector<float> out(rows.d);
  for (const char* rule : kRules) {
    const auto aggregator =
        make_aggregator(rule, {.f = 3, .pre = parse_pre_steps("arc,nnm,clipping:c=2")});
    aggregator->aggregate(rows, out, context);
    const std::size_t scratch = workspace.allocated_bytes(), before = allocations().count;
    aggregator->aggregate(rows, out, context);
    EXPECT_EQ(allocations().count, before) << rule;
    EXPECT_EQ(workspace.allocated_bytes(), scratch) << rule;
  }
}

TEST(PreAggregation, CallsNoRowNotFiniteThatIsAndSelectsTheRowsThatTheResultIsMadeOf) {
  for (const char* chain : {"nnm", "bucketing:s=2"}) {
    auto sample = test::normal_sample<float>(10, 20, 1);
    sample.values[3][5] = std::numeric_limits<float>::quiet_NaN();
    AggregationReport report;
    test::run_rule("krum", {.f = 1, .pre = parse_pre_steps(chain)}, sample, &report);
    for (std::size_t row = 0; row < 10; ++row) {
      const bool counts = report.weights[row] != 0;
      EXPECT_EQ(std::ranges::count(report.selected, row), counts ? 1 : 0) << chain << row;
      for (const auto& [rejected, reason] : report.rejected) {
        if (rejected != row) continue;
        EXPECT_FALSE(counts);
        EXPECT_EQ(reason == "not finite", row == 3 && chain == std::string_view("nnm")) << chain;
      }
    }
  }
}

TEST(PreAggregation, OfManyRowsIsAsAccurateInTilesOfFewColumns) {
  auto sample = test::normal_sample<float>(200, 9000, 1);
  expect_as_defined("clipping:c=80", "multi-krum", 3, sample);
}

TEST(PreAggregation, RefusesTooFewRowsAfterEveryStep) {
  RuleOptions options{.f = 2, .pre = parse_pre_steps("nnm,bucketing:s=2")};
  EXPECT_EQ(unmet_requirement(find_rule("krum"), options, 13), "");
  EXPECT_EQ(unmet_requirement(find_rule("krum"), options, 12),
            "krum needs n >= 2f + 3: n = 6, f = 2 (after nnm,bucketing:s=2)");
  EXPECT_EQ(unmet_requirement(find_rule("normal"), options, 4),
            "nnm needs n >= 2f + 1: n = 4, f = 2");
}

std::string refusal(std::string_view text) {
  try {
    parse_pre_steps(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(PreSteps, AreReadAndWrittenAlike) {
  EXPECT_EQ(to_text(parse_pre_steps("NNM,bucketing:s=3,clipping:c=0.5,arc,bucketing,clipping")),
            "nnm,bucketing:s=3,clipping:c=0.5,arc,bucketing:s=2,clipping:c=2");
  EXPECT_EQ(to_text(parse_pre_steps("none")), "none");
  EXPECT_EQ(to_text(parse_pre_steps("")), "none");
}

TEST(PreSteps, RefuseWhatIsNoneOfThemAndSayWhatWouldBe) {
  EXPECT_THAT(refusal("nmm"), testing::HasSubstr("did you mean nnm?"));
  EXPECT_THAT(refusal("nnm,"), testing::HasSubstr("pre-aggregation"));
  EXPECT_THAT(refusal("bucketing:s=0"), testing::HasSubstr("s must be a whole number, 1 to 1e15"));
  EXPECT_THAT(refusal("bucketing:s=1.5"), testing::HasSubstr("whole number"));
  EXPECT_THAT(refusal("bucketing:s=nan"), testing::HasSubstr("whole number"));
  EXPECT_THAT(refusal("bucketing:3"), testing::HasSubstr("valid: bucketing, or bucketing:s=2"));
  EXPECT_THAT(refusal("clipping:c=-1"), testing::HasSubstr("c must be a number above 0"));
  EXPECT_THAT(refusal("clipping:c=1x"), testing::HasSubstr("c must be a number above 0"));
  EXPECT_THAT(refusal("arc:c=1"), testing::HasSubstr("valid: arc"));
}

}  // namespace
}  // namespace detox
