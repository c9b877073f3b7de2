// detox/detox.h as another language sees it. Links the shared object alone: no code of src/ but
// that.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "detox/detox.h"

namespace {

struct Rows {
  std::vector<std::vector<float>> values;
  std::vector<const float*> pointers;

  Rows(std::size_t n, std::size_t d) : values(n, std::vector<float>(d)) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t c = 0; c < d; ++c) {
        values[i][c] = static_cast<float>((i * 7 + c * 3) % 11) - 5;
      }
      pointers.push_back(values[i].data());
    }
  }
};

class Aggregator {
 public:
  Aggregator(const char* rule, const char* options) : made_(detox_create(rule, options, 1)) {}
  ~Aggregator() { detox_destroy(made_); }
  Aggregator(const Aggregator&) = delete;
  Aggregator& operator=(const Aggregator&) = delete;
  detox_aggregator* get() const { return made_; }

 private:
  detox_aggregator* made_;
};

TEST(CInterface, ListsTheRulesOfTheRegistry) {
  ASSERT_GE(detox_rule_count(), 17U);
  for (std::size_t i = 0; i < detox_rule_count(); ++i) {
    EXPECT_NE(detox_rule_name(i), nullptr);
    EXPECT_EQ(std::string(detox_rule_requirement(i)).substr(0, 5), "n >= ");
    EXPECT_NE(detox_rule_paper(i), nullptr);
    if (i > 0) {
      EXPECT_LT(std::string(detox_rule_name(i - 1)), detox_rule_name(i));
    }
  }
  EXPECT_EQ(detox_rule_name(detox_rule_count()), nullptr);
  EXPECT_EQ(std::string(detox_version()).find('.'), 1U);
}

TEST(CInterface, MakesAndRunsEveryRule) {
  for (std::size_t i = 0; i < detox_rule_count(); ++i) {
    const Aggregator rule(detox_rule_name(i), "f=1 pre=nnm");
    ASSERT_NE(rule.get(), nullptr) << detox_error();
    Rows rows(9, 300);
    std::vector<float> out(300, std::numeric_limits<float>::quiet_NaN());
    ASSERT_EQ(detox_aggregate_float(rule.get(), rows.pointers.data(), 9, 300, 0, out.data()), 0)
        << detox_error();
    for (const float value : out) ASSERT_LE(std::abs(value), 6) << detox_rule_name(i);
  }
}

TEST(CInterface, TakesTheMedianOfFloatsAndOfDoubles) {
  const Aggregator median("median", nullptr);
  ASSERT_NE(median.get(), nullptr);
  const std::vector<double> a = {1, 10}, b = {2, 30}, c = {4, 20};
  const double* rows[] = {a.data(), b.data(), c.data()};
  double out[2];
  ASSERT_EQ(detox_aggregate_double(median.get(), rows, 3, 2, 0, out), 0);
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 20);
}

TEST(CInterface, TakesTheDefinitionsOfOthers) {
  const Aggregator median("median", "semantics=byzpy");
  ASSERT_NE(median.get(), nullptr) << detox_error();
  const double a = 1, b = 2;
  const double* rows[] = {&a, &b};
  double out = 0;
  ASSERT_EQ(detox_aggregate_double(median.get(), rows, 2, 1, 0, &out), 0);
  EXPECT_EQ(out, 1);
}

TEST(CInterface, WeighsRows) {
  const Aggregator mean("mean", "weight-cap=3");
  ASSERT_NE(mean.get(), nullptr) << detox_error();
  const double a = 1, b = 2, c = 6;
  const double* rows[] = {&a, &b, &c};
  const double weights[] = {1, 1, 2};
  double out = 0;
  ASSERT_EQ(detox_set_weights(mean.get(), weights, 3), 0);
  ASSERT_EQ(detox_aggregate_double(mean.get(), rows, 3, 1, 0, &out), 0) << detox_error();
  EXPECT_EQ(out, 3.75);
  EXPECT_EQ(detox_aggregate_double(mean.get(), rows, 2, 1, 0, &out), 2);
  EXPECT_STREQ(detox_error(), "3 weights for 2 rows");
  ASSERT_EQ(detox_set_weights(mean.get(), nullptr, 0), 0);
  ASSERT_EQ(detox_aggregate_double(mean.get(), rows, 3, 1, 0, &out), 0);
  EXPECT_EQ(out, 3);
  EXPECT_EQ(detox_set_weights(nullptr, weights, 3), 2);
}

TEST(CInterface, DescribesAnAggregator) {
  const Aggregator rule("multi_krum", "f=2  pre=nnm,bucketing krum-select=3 ");
  ASSERT_NE(rule.get(), nullptr) << detox_error();
  EXPECT_STREQ(detox_describe(rule.get()),
               "multi-krum, needs n >= 2f + 3, with f=2 pre=nnm,bucketing krum-select=3");
}

void expect_refused(const char* rule, const char* options, const std::string& because) {
  EXPECT_EQ(detox_create(rule, options, 1), nullptr) << options;
  EXPECT_NE(std::string(detox_error()).find(because), std::string::npos) << detox_error();
}

TEST(CInterface, SaysWhyAnAggregatorCannotBe) {
  expect_refused("crumb", "", "did you mean krum?");
  expect_refused(nullptr, "", "NULL");
  expect_refused("krum", "g=1", "valid: f, pre, krum-select");
  expect_refused("krum", "g=1", ", seed");
  expect_refused("krum", "f", "KEY=VALUE");
  expect_refused("krum", "x\ny", "option 'x?y'");
  expect_refused("krum", "f=-1", "a whole number");
  expect_refused("krum", "f=65536", "0 to 65535");
  expect_refused("krum", "f=1x", "a whole number");
  expect_refused("krum", "pre=nmn", "did you mean nnm?");
  expect_refused("krum", "tolerance=nan", "tolerance");
  expect_refused("krum", "clip-radius=0", "above 0");
  expect_refused("krum", "clip-rounds=0", "1 to 1000");
  expect_refused("median", "weight-cap=0.5", "a number from 1");
  expect_refused("krum", "semantics=byzfi", "did you mean byzfl?");
  EXPECT_EQ(detox_create("krum", "", 100000), nullptr);
}

TEST(CInterface, SaysWhyRowsCannotBeReduced) {
  const Aggregator krum("krum", "f=2");
  Rows rows(6, 3);
  float out[3];
  EXPECT_EQ(detox_aggregate_float(krum.get(), rows.pointers.data(), 6, 3, 0, out), 2);
  EXPECT_STREQ(detox_error(), "krum needs n >= 2f + 3: n = 6, f = 2");
  rows.values.emplace_back(3);
  rows.pointers.push_back(rows.values.back().data());
  EXPECT_EQ(detox_aggregate_float(krum.get(), nullptr, 7, 3, 0, out), 2);
  EXPECT_STREQ(detox_error(), "rows (7, 3) are null");
  EXPECT_EQ(detox_aggregate_float(nullptr, rows.pointers.data(), 7, 3, 0, out), 2);
  EXPECT_STREQ(detox_error(), "the aggregator is NULL");
  EXPECT_EQ(detox_aggregate_float(krum.get(), rows.pointers.data(), 7, 3, 0, nullptr), 2);
  EXPECT_STREQ(detox_error(), "out is null, rows are (7, 3); valid: out of 3 values");
  rows.pointers[4] = nullptr;
  EXPECT_EQ(detox_aggregate_float(krum.get(), rows.pointers.data(), 7, 3, 0, out), 2);
  EXPECT_STREQ(detox_error(), "row 4 of (7, 3) is null");
  detox_destroy(nullptr);
}

}  // namespace
