// detox::aggregate: one rule, one line.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "detox/aggregate.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

const std::vector<std::vector<float>> kRows = {{1, 10}, {2, 30}, {9e9F, -1}, {3, 20}, {2, 20}};

TEST(Aggregate, TakesAVectorOfVectors) {
  EXPECT_EQ(detox::aggregate("median", kRows, {.f = 2}), (std::vector<float>{2, 20}));
  const std::vector<std::vector<double>> doubles = {{1, 4}, {3, 8}};
  EXPECT_EQ(detox::aggregate("mean", doubles), (std::vector<double>{2, 6}));
}

TEST(Aggregate, TakesASpanOfSpans) {
  const std::vector<std::span<const float>> views(kRows.begin(), kRows.end());
  EXPECT_EQ(detox::aggregate("median", std::span(views), {.f = 2}), (std::vector<float>{2, 20}));
  std::vector<std::vector<float>> own = kRows;
  const std::vector<std::span<float>> writable(own.begin(), own.end());
  EXPECT_EQ(detox::aggregate("median", writable, {.f = 2}), (std::vector<float>{2, 20}));
  const std::array<std::array<double, 2>, 3> arrays = {{{1, 2}, {3, 4}, {5, 6}}};
  EXPECT_EQ(detox::aggregate("median", arrays, {.f = 1}), (std::vector<double>{3, 4}));
}

TEST(Aggregate, TakesAMatrix) {
  const float matrix[] = {1, 10, 2, 30, 9e9F, -1, 3, 20, 2, 20};
  EXPECT_EQ(detox::aggregate("median", matrix, 5, 2, {.f = 2}), (std::vector<float>{2, 20}));
  const double doubles[] = {1, 2, 3};
  EXPECT_EQ(detox::aggregate("mean", doubles, 3, 1), std::vector<double>{2});
}

TEST(Aggregate, ReportsWhoWasSelected) {
  AggregationReport report;
  const auto result = detox::aggregate("krum", kRows, {.f = 1}, &report);
  ASSERT_EQ(report.selected.size(), 1U);
  EXPECT_EQ(result, kRows[report.selected[0]]);
  EXPECT_EQ(report.scores.size(), 5U);
  EXPECT_EQ(report.weights.size(), 5U);
  EXPECT_EQ(report.rejected.size(), 4U);
}

TEST(Aggregate, GivesWhatTheRuleGivesAndDrawsAsTheProgramDoes) {
  std::vector<std::vector<float>> rows(9, std::vector<float>(300'000));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t c = 0; c < rows[i].size(); ++c)
      rows[i][c] = static_cast<float>((i * 7 + c * 3) % 11) - 5;
  }
  std::vector<const float*> pointers(rows.size());
  std::ranges::transform(rows, pointers.begin(), [](const auto& row) { return row.data(); });
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace, 0, key_from_seed(428)};
  for (const RuleInfo& rule : rules()) {
    if (rule.trusts_a_row) continue;  // which bucketing puts elsewhere
    const RuleOptions options{.f = 1, .pre = parse_pre_steps("bucketing:s=1,nnm")};
    std::vector<float> expected(rows[0].size());
    make_aggregator(rule.name, options)->aggregate({pointers, expected.size()}, expected, context);
    EXPECT_EQ(detox::aggregate(rule.name, rows, options), expected) << rule.name;
  }
}

std::string refusal_of(const std::vector<std::vector<float>>& rows, const RuleOptions& options) {
  try {
    detox::aggregate("median", rows, options);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(Aggregate, RefusesWhatCannotBe) {
  EXPECT_EQ(refusal_of({{1, 2}, {3, 4}, {5}}, {}),
            "row 2 has 1 values, row 0 has 2; valid: rows of one length");
  EXPECT_EQ(refusal_of({}, {}), "coord-median needs n >= 2f + 1: n = 0, f = 0");
  EXPECT_EQ(refusal_of({{1}, {2}}, {.f = 1}), "coord-median needs n >= 2f + 1: n = 2, f = 1");
  EXPECT_EQ(refusal_of({{1}, {2}}, {.clip_radius = -1}),
            "clip-radius is '-1'; valid: a number above 0");
  EXPECT_EQ(refusal_of({{}, {}}, {}), "");
  EXPECT_THROW(detox::aggregate("crumb", kRows, {}), UsageError);
  const float* nothing = nullptr;
  EXPECT_THROW(detox::aggregate("median", nothing, 3, 2, {}), UsageError);
  constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max() / 2;
  EXPECT_THROW(detox::aggregate("median", nothing, kHuge, kHuge, {}), UsageError);
  EXPECT_THROW(detox::aggregate("median", kRows[0].data(), 3, kHuge, {}), UsageError);
  EXPECT_TRUE(detox::aggregate("median", nothing, 3, 0, {}).empty());
}

}  // namespace
}  // namespace detox
