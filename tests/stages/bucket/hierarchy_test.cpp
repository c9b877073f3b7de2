// Hierarchical aggregation against arithmetic in double precision, written from the definitions.
#include "stages/bucket/hierarchy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/sign_bits.hpp"
#include "stages/bucket/buckets.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

using Values = std::vector<float>;
using Matrix = std::vector<Values>;
using Vector = std::vector<double>;

const Key kBucketKey = key_from_seed(99);
constexpr std::uint64_t kStep = 17;

Matrix random_rows(std::size_t n, std::size_t d) {
  Matrix rows(n, Values(d));
  RandomStream stream(derive_key(key_from_seed(1), "rows", {n, d}));
  for (Values& row : rows) stream.fill_normal(row);
  return rows;
}

Values aggregate(const Hierarchy::Options& options, const Matrix& rows, std::size_t threads = 1) {
  std::vector<const float*> pointers;
  for (const Values& row : rows) pointers.push_back(row.data());
  Values out(rows.front().size());
  ThreadPool pool(threads);
  Workspace workspace;
  AggregationContext context{pool, workspace, kStep};
  Hierarchy(options).aggregate(Rows<float>{pointers, out.size()}, kBucketKey, out, context);
  return out;
}

std::vector<Vector> part(const Matrix& rows, const std::vector<std::uint32_t>& members) {
  std::vector<Vector> picked;
  picked.reserve(members.size());
  for (const std::uint32_t row : members) picked.emplace_back(rows[row].begin(), rows[row].end());
  return picked;
}

Vector mean(const std::vector<Vector>& rows) {
  Vector sum(rows.front().size());
  for (const Vector& row : rows) {
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += row[i] / static_cast<double>(rows.size());
  }
  return sum;
}

Vector median(const std::vector<Vector>& rows) {
  Vector result(rows.front().size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    Vector column;
    for (const Vector& row : rows) column.push_back(row[i]);
    std::sort(column.begin(), column.end());
    const std::size_t n = column.size();
    result[i] = (column[n / 2] + column[(n - 1) / 2]) / 2;
  }
  return result;
}

Vector multi_krum(const std::vector<Vector>& rows, std::size_t f) {
  std::vector<std::pair<double, std::size_t>> scores;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Vector distances;
    for (std::size_t j = 0; j < rows.size(); ++j) {
      if (j == i) continue;
      double squared = 0;
      for (std::size_t c = 0; c < rows[i].size(); ++c)
        squared += (rows[i][c] - rows[j][c]) * (rows[i][c] - rows[j][c]);
      distances.push_back(squared);
    }
    std::sort(distances.begin(), distances.end());
    const auto neighbours = static_cast<std::ptrdiff_t>(rows.size() - f - 2);
    scores.emplace_back(std::accumulate(distances.begin(), distances.begin() + neighbours, 0.0), i);
  }
  std::sort(scores.begin(), scores.end());
  std::vector<Vector> selected;
  for (std::size_t i = 0; i < rows.size() - f - 2; ++i) selected.push_back(rows[scores[i].second]);
  return mean(selected);
}

void expect_near(const Values& actual, const Vector& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 2e-6) << i;
}

TEST(Hierarchy, GivesEveryRowToTheOuterRuleWhereThereAreNoBuckets) {
  const Matrix rows = random_rows(15, 101);
  std::vector<std::uint32_t> all(15);
  std::iota(all.begin(), all.end(), 0U);
  expect_near(aggregate({.inner_rule = &find_rule("normal"),
                         .outer_rule = &find_rule("coord-median"),
                         .f_eff = 2},
                        rows),
              median(part(rows, all)));
  expect_near(
      aggregate(
          {.inner_rule = &find_rule("normal"), .outer_rule = &find_rule("normal"), .f_eff = 2},
          rows),
      mean(part(rows, all)));
  expect_near(
      aggregate(
          {.inner_rule = &find_rule("normal"), .outer_rule = &find_rule("multi-krum"), .f_eff = 2},
          rows),
      multi_krum(part(rows, all), 2));
}

TEST(Hierarchy, TakesTheMedianOfFiveBucketMeansAsPublished) {
  for (const std::size_t n : {15U, 14U, 11U, 5U}) {
    const Matrix rows = random_rows(n, 101);
    std::vector<Vector> means;
    for (const auto& bucket : buckets_of(n, 5, kBucketKey, kStep))
      means.push_back(mean(part(rows, bucket)));
    expect_near(aggregate({.inner_rule = &find_rule("normal"),
                           .outer_rule = &find_rule("coord-median"),
                           .buckets = 5,
                           .f_eff = 2},
                          rows),
                median(means));
  }
}

TEST(Hierarchy, TakesTheMeanOfTwoMultiKrumsAsTheOriginal) {
  const Matrix rows = random_rows(15, 101);
  std::vector<Vector> selected;
  for (const auto& bucket : buckets_of(15, 2, kBucketKey, kStep))
    selected.push_back(multi_krum(part(rows, bucket), 2));
  expect_near(aggregate({.inner_rule = &find_rule("multi-krum"),
                         .outer_rule = &find_rule("normal"),
                         .buckets = 2,
                         .f_eff = 2},
                        rows),
              mean(selected));
}

TEST(Hierarchy, SurvivesTheCorruptSlicesItIsBuiltFor) {
  const Matrix honest = random_rows(15, 50);
  for (const float lie :
       {1e30F, -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Matrix rows = honest;
    rows[3] = rows[11] = Values(50, lie);
    for (const Hierarchy::Options& options : {Hierarchy::Options{.inner_rule = &find_rule("normal"),
                                             .outer_rule = &find_rule("coord-median"),
                                             .buckets = 5,
                                             .f_eff = 2},
                                              {.inner_rule = &find_rule("multi-krum"),
                                              .outer_rule = &find_rule("normal"),
                                              .buckets = 2,
                                              .f_eff = 2},
                                              {.inner_rule = &find_rule("normal"),
                                              .outer_rule = &find_rule("multi-krum"),
                                              .f_eff = 2}}) {
      for (const float value : aggregate(options, rows)) ASSERT_LT(std::abs(value), 5.0F) << lie;
    }
  }
}

TEST(Hierarchy, WorksWithFewerRowsThanBuckets) {
  const Matrix rows = random_rows(3, 40);
  expect_near(aggregate({.inner_rule = &find_rule("normal"),
                         .outer_rule = &find_rule("coord-median"),
                         .buckets = 5,
                         .f_eff = 1},
                        rows),
              median(part(rows, {0, 1, 2})));
  expect_near(aggregate({.inner_rule = &find_rule("normal"),
                         .outer_rule = &find_rule("normal"),
                         .buckets = 5,
                         .f_eff = 7},
                        rows),
              mean(part(rows, {0, 1, 2})));
}

TEST(Hierarchy, CountsSignBitsInBucketsAndTakesTheSignOfTheirSum) {
  RuleOptions rule;
  rule.rows_are_signs = true;
  Matrix rows(6, Values(2));
  for (std::size_t i = 0; i < 6; ++i) rows[i] = {i < 4 ? 1.0F : -1.0F, i % 2 == 0 ? 1.0F : -1.0F};
  EXPECT_EQ(aggregate({.inner_rule = &find_rule("normal"),
                       .outer_rule = &find_rule("signSGD"),
                       .f_eff = 0,
                       .rule = rule},
                      rows),
            (Values{1, 0}));
  // Three buckets of two: the means are in {-1, 0, 1} and the outer rule adds them up.
  EXPECT_EQ(aggregate({.inner_rule = &find_rule("normal"),
                       .outer_rule = &find_rule("signSGD"),
                       .buckets = 3,
                       .f_eff = 0,
                       .rule = rule},
                      rows),
            (Values{1, 0}));
}

TEST(Hierarchy, GivesTheSameBytesOnAnyNumberOfThreads) {
  const Matrix rows = random_rows(15, 30011);
  for (const Hierarchy::Options& options : {Hierarchy::Options{.inner_rule = &find_rule("normal"),
                                           .outer_rule = &find_rule("coord-median"),
                                           .buckets = 5,
                                           .f_eff = 2},
                                            {.inner_rule = &find_rule("multi-krum"),
                                            .outer_rule = &find_rule("normal"),
                                            .buckets = 2,
                                            .f_eff = 2}}) {
    const Values one = aggregate(options, rows, 1);
    EXPECT_EQ(aggregate(options, rows, 2), one);
    EXPECT_EQ(aggregate(options, rows, 3), one);
  }
}

/// What the second of two steps takes from the heap, where the first has made the workspace grow.
Allocations of_a_second_step(const Hierarchy::Options& options, std::size_t n, std::size_t d) {
  const Matrix rows = random_rows(n, d);
  std::vector<const float*> pointers;
  for (const Values& row : rows) pointers.push_back(row.data());
  Values out(d);
  ThreadPool pool(2);
  Workspace workspace;
  const Hierarchy hierarchy(options);
  AggregationContext context{pool, workspace, kStep};
  hierarchy.aggregate(Rows<float>{pointers, d}, kBucketKey, out, context);
  ++context.step;
  const std::size_t scratch = workspace.allocated_bytes();
  const Allocations before = allocations();
  hierarchy.aggregate(Rows<float>{pointers, d}, kBucketKey, out, context);
  const Allocations after = allocations();
  EXPECT_EQ(workspace.allocated_bytes(), scratch);
  return {after.count - before.count, after.bytes - before.bytes};
}

TEST(Hierarchy, AllocatesNothingAfterTheFirstStepButTheStreamThatDrawsTheBuckets) {
  for (const Hierarchy::Options& options : {Hierarchy::Options{.inner_rule = &find_rule("normal"),
                                           .outer_rule = &find_rule("coord-median"),
                                           .buckets = 5,
                                           .f_eff = 2},
                                            {.inner_rule = &find_rule("multi-krum"),
                                            .outer_rule = &find_rule("normal"),
                                            .buckets = 2,
                                            .f_eff = 2},
                                            {.inner_rule = &find_rule("geometric-median"),
                                            .outer_rule = &find_rule("bulyan"),
                                            .buckets = 3,
                                            .f_eff = 0}}) {
    const Allocations small = of_a_second_step(options, 15, 10);
    const Allocations large = of_a_second_step(options, 64, 20000);
    EXPECT_EQ(small.count, large.count) << options.inner_rule->name;
    EXPECT_EQ(small.bytes, large.bytes) << options.inner_rule->name;
    EXPECT_LE(large.bytes, 5000U) << options.inner_rule->name;
  }
  EXPECT_EQ(of_a_second_step({.inner_rule = &find_rule("normal"),
                              .outer_rule = &find_rule("coord-median"),
                              .f_eff = 2},
                             15, 20000)
                .count,
            0U);
}

TEST(Hierarchy, VotesOnPackedSignsAsOnTheRowsThatTheyAre) {
  for (const std::size_t n : {1UL, 2UL, 3UL, 15UL, 16UL, 45UL, 64UL, 129UL}) {
    for (const std::size_t d : {1UL, 63UL, 4097UL, 70001UL}) {
      Matrix rows = random_rows(n, d);
      std::vector<std::vector<std::byte>> packed;
      std::vector<const std::byte*> pointers;
      for (Values& row : rows) {
        packed.emplace_back(packed_sign_bytes(d));
        pack_signs(row, kStep, packed.back());
        unpack_signs(packed.back(), row);
      }
      pointers.reserve(n);
      for (const auto& row : packed) pointers.push_back(row.data());
      Hierarchy::Options options{
          .inner_rule = &find_rule("normal"), .outer_rule = &find_rule("signSGD"), .f_eff = 0};
      options.rule.rows_are_signs = true;
      const Hierarchy hierarchy(options);
      ASSERT_TRUE(hierarchy.takes_packed_signs());
      for (const std::size_t threads : {1UL, 3UL}) {
        ThreadPool pool(threads);
        Values out(d, 7.0F);
        hierarchy.aggregate_packed_signs(pointers, out, pool);
        EXPECT_EQ(out, aggregate(options, rows)) << n << " x " << d;
      }
    }
  }
}

TEST(Hierarchy, DoesNotTakePackedSignsWhereTheRuleSeesSomethingElse) {
  Hierarchy::Options options{.inner_rule = &find_rule("normal"),
                             .outer_rule = &find_rule("signSGD"),
                             .buckets = 3,
                             .f_eff = 0};
  options.rule.rows_are_signs = true;
  EXPECT_FALSE(Hierarchy(options).takes_packed_signs());
  options.buckets = 0;
  options.rule.pre = parse_pre_steps("nnm");
  EXPECT_FALSE(Hierarchy(options).takes_packed_signs());
  options.rule.pre.clear();
  options.outer_rule = &find_rule("coord-median");
  EXPECT_FALSE(Hierarchy(options).takes_packed_signs());
}

}  // namespace
}  // namespace detox
