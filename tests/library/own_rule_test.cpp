// Rules from outside the tree, in C++ and over the C interface, beside ours.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "detox/aggregator.hpp"
#include "detox/detox.h"
#include "detox/errors.hpp"
#include "detox/row_rule.hpp"

namespace {

std::size_t majority(std::size_t f) { return 2 * f + 1; }

const detox::RuleInfo kMinimumInfo{
    .name = "minimum", .requirement = "n >= 2f + 1", .min_rows = majority, .takes_weights = true};

/// The least value of each column among the rows that have weight.
class Minimum final : public detox::RowRule {
 public:
  explicit Minimum(const detox::RuleOptions& options, std::size_t scores = 0,
                   const detox::RuleInfo& info = kMinimumInfo)
      : RowRule(info, options), scores_(scores) {}

 private:
  template <class T>
  void run(const detox::Rows<T>& rows, std::span<T> out, detox::AggregationContext& context,
           detox::AggregationReport* report) const {
    std::ranges::fill(out, T{1000});
    for (std::size_t i = 0; i < rows.n(); ++i) {
      if (!context.weights.empty() && context.weights[i] == 0) continue;
      for (std::size_t c = 0; c < rows.d; ++c) out[c] = std::min(out[c], rows.row[i][c]);
    }
    if (report != nullptr) report->scores.assign(scores_, 1.0);
  }
  void reduce_rows(const detox::Rows<float>& rows, std::span<float> out,
                   detox::AggregationContext& context,
                   detox::AggregationReport* report) const override {
    run(rows, out, context, report);
  }
  void reduce_rows(const detox::Rows<double>& rows, std::span<double> out,
                   detox::AggregationContext& context,
                   detox::AggregationReport* report) const override {
    run(rows, out, context, report);
  }

  std::size_t scores_;
};

int minimum(const double* const* rows, size_t n, size_t d, size_t f, double* out, void* data) {
  for (std::size_t c = 0; c < d; ++c) {
    out[c] = rows[0][c];
    for (std::size_t i = 1; i < n; ++i) out[c] = std::min(out[c], rows[i][c]);
  }
  *static_cast<std::size_t*>(data) += f;
  return out[0] < -100 ? 7 : 0;
}

struct Call {
  std::vector<std::vector<double>> values = {{1, 8, 3}, {2, 7, 4}, {0, 9, 5}, {4, 6, 6}, {3, 5, 7}};
  std::vector<const double*> pointers;
  std::vector<double> out = std::vector<double>(3);
  detox::ThreadPool pool{2};
  detox::Workspace workspace;
  detox::AggregationContext context{pool, workspace};

  Call() {
    for (const auto& row : values) pointers.push_back(row.data());
  }
  std::string run(const detox::Aggregator& rule, detox::AggregationReport* report = nullptr) {
    try {
      rule.aggregate(detox::Rows<double>{pointers, out.size()}, out, context, report);
      return "";
    } catch (const detox::UsageError& error) {
      return error.what();
    }
  }
};

TEST(RowRule, RunsBesideOurs) {
  Call call;
  EXPECT_EQ(call.run(Minimum({.f = 2})), "");
  EXPECT_EQ(call.out, (std::vector<double>{0, 5, 3}));
  EXPECT_EQ(call.run(Minimum({.f = 3})), "minimum needs n >= 2f + 1: n = 5, f = 3");
  const std::vector<double> weights = {1, 1, 0, 1, 1};
  call.context.weights = weights;
  EXPECT_EQ(call.run(Minimum({.f = 1})), "");
  EXPECT_EQ(call.out, (std::vector<double>{1, 5, 3}));
}

/// The points that steps make are the rows that it sees: the mean of them is that of ours.
TEST(RowRule, SeesThePointsOfTheStepsBeforeIt) {
  class Mean final : public detox::RowRule {
   public:
    explicit Mean(const detox::RuleOptions& options) : RowRule(kMinimumInfo, options) {}

   private:
    void reduce_rows(const detox::Rows<float>&, std::span<float>, detox::AggregationContext&,
                     detox::AggregationReport*) const override {}
    void reduce_rows(const detox::Rows<double>& rows, std::span<double> out,
                     detox::AggregationContext&, detox::AggregationReport*) const override {
      for (std::size_t c = 0; c < rows.d; ++c) {
        out[c] = 0;
        for (const double* row : rows.row) out[c] += row[c] / static_cast<double>(rows.n());
      }
    }
  };
  for (const char* steps : {"nnm", "bucketing:s=2", "clipping:c=5,nnm", "arc"}) {
    Call call;
    call.values.assign(5, std::vector<double>(10000));
    call.out.resize(10000);
    for (std::size_t i = 0; i < 5; ++i) {
      for (std::size_t c = 0; c < 10000; ++c)
        call.values[i][c] = static_cast<double>((i * 7 + c * 3) % 11) - 5;
      call.pointers[i] = call.values[i].data();
    }
    const detox::RuleOptions options{.f = 1, .pre = detox::parse_pre_steps(steps)};
    detox::AggregationReport report;
    ASSERT_EQ(call.run(Mean(options), &report), "");
    const std::vector<double> own = call.out;
    ASSERT_EQ(call.run(*detox::make_aggregator("mean", options)), "");
    for (std::size_t c = 0; c < own.size(); ++c) ASSERT_NEAR(own[c], call.out[c], 1e-12) << steps;
  }
}

TEST(RowRule, IsRefusedWhereItCannotBe) {
  EXPECT_THROW(Minimum({.clip_radius = -1}), detox::UsageError);
  EXPECT_THROW(Minimum({}, 0, {}), detox::UsageError);
  EXPECT_THROW(Minimum({}, 0, {.name = "x", .requirement = "n >= 1"}), detox::UsageError);
  for (const char* steps : {"none", "nnm"}) {
    Call call;
    detox::AggregationReport report;
    const detox::RuleOptions options{.f = 1, .pre = detox::parse_pre_steps(steps)};
    EXPECT_EQ(call.run(Minimum(options, 3), &report),
              "minimum reports 3 scores of 5 rows; valid: one a row, or none");
    EXPECT_EQ(call.run(Minimum(options, 5), &report), "");
    EXPECT_EQ(report.scores, std::vector<double>(5, 1.0));
  }
}

class FromFunction : public testing::Test {
 protected:
  void TearDown() override { detox_destroy(made_); }
  void make(const char* options) { made_ = detox_create_from_function(&rule_, options, 1); }
  int run() {
    return detox_aggregate_double(made_, call_.pointers.data(), 5, 3, 0, call_.out.data());
  }

  std::size_t told_ = 0;
  detox_function_rule rule_{.name = "minimum",
                            .requirement = "n >= 2f + 1",
                            .min_rows = majority,
                            .reduce_float = nullptr,
                            .reduce_double = minimum,
                            .data = &told_};
  detox_aggregator* made_ = nullptr;
  Call call_;
};

TEST_F(FromFunction, ARuleRunsBesideOurs) {
  make("f=2");
  ASSERT_NE(made_, nullptr) << detox_error();
  rule_.name = "gone";
  EXPECT_STREQ(detox_describe(made_), "minimum, needs n >= 2f + 1, with f=2");
  ASSERT_EQ(run(), 0) << detox_error();
  EXPECT_EQ(call_.out, (std::vector<double>{0, 5, 3}));
  EXPECT_EQ(told_, 2U);
}

TEST_F(FromFunction, ARuleHasStepsBeforeIt) {
  make("f=1 pre=nnm");
  ASSERT_EQ(run(), 0) << detox_error();
  EXPECT_GT(call_.out[0], 0);
}

TEST_F(FromFunction, ARuleSaysWhyItCannot) {
  make("f=3");
  EXPECT_EQ(run(), 2);
  EXPECT_STREQ(detox_error(), "minimum needs n >= 2f + 1: n = 5, f = 3");
  detox_destroy(made_);
  make("f=1");
  float row = 0, out = 0;
  const float* rows[] = {&row, &row, &row};
  EXPECT_EQ(detox_aggregate_float(made_, rows, 3, 1, 0, &out), 2);
  EXPECT_STREQ(detox_error(), "minimum has no function for floats");
  call_.values[0][0] = -1000;
  EXPECT_EQ(run(), 1);
  EXPECT_STREQ(detox_error(), "minimum: its function returned 7");
  EXPECT_EQ(detox_set_weights(made_, call_.out.data(), 3), 0);
  EXPECT_EQ(run(), 2);
}

TEST_F(FromFunction, ARuleThatCannotBeIsRefused) {
  EXPECT_EQ(detox_create_from_function(nullptr, "", 1), nullptr);
  EXPECT_EQ(detox_create_from_function(&rule_, "clip-radius=-1", 1), nullptr);
  rule_.requirement = nullptr;
  EXPECT_EQ(detox_create_from_function(&rule_, "", 1), nullptr);
  EXPECT_STREQ(detox_error(),
               "rule 'minimum': one of requirement and min_rows is NULL; valid: both or neither");
  rule_.min_rows = nullptr;
  make("f=9");
  EXPECT_EQ(run(), 0) << detox_error();
  rule_.name = nullptr;
  EXPECT_EQ(detox_create_from_function(&rule_, "", 1), nullptr);
  rule_.name = "";
  EXPECT_EQ(detox_create_from_function(&rule_, "", 1), nullptr);
}

}  // namespace
