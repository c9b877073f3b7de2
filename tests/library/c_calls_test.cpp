// What detox/detox.h offers front ends beside rules alone: calls with reports and weights, unmet
// requirements, steps by themselves, digests.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "detox/detox.h"

namespace {

constexpr std::size_t kRows = 7, kColumns = 5000;

/// (kRows, kColumns) doubles or floats, of which one row is far from the others.
template <class T>
struct Table {
  std::vector<T> values = std::vector<T>(kRows * kColumns);
  std::vector<const void*> rows;
  std::vector<T> out = std::vector<T>(kColumns);

  Table() {
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        values[i * kColumns + c] =
            static_cast<T>(i == 4 ? 1e6 : std::sin(static_cast<double>(i * kColumns + c)));
      }
      rows.push_back(&values[i * kColumns]);
    }
  }
  detox_call call() {
    detox_call made = {};
    made.size = sizeof(made);
    made.type = sizeof(T) == 4 ? DETOX_FLOAT32 : DETOX_FLOAT64;
    made.rows = rows.data();
    made.n = kRows;
    made.d = kColumns;
    made.out = out.data();
    return made;
  }
};

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  bits.reserve(values.size());
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

detox_report empty_report() {
  detox_report report = {};
  report.size = sizeof(report);
  return report;
}

class Rule {
 public:
  explicit Rule(const char* name, const char* options = "f=1")
      : made_(detox_create(name, options, 1)) {}
  ~Rule() { detox_destroy(made_); }
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;
  detox_aggregator* get() const { return made_; }

 private:
  detox_aggregator* made_;
};

class Steps {
 public:
  explicit Steps(const char* steps, std::size_t f = 1) : made_(detox_create_pre(steps, f, 1, 2)) {}
  ~Steps() { detox_destroy_pre(made_); }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  detox_pre* get() const { return made_; }

 private:
  detox_pre* made_;
};

TEST(CCalls, GiveTheBytesOfTheFunctionsOfOneType) {
  for (std::size_t rule = 0; rule < detox_rule_count(); ++rule) {
    const Rule made(detox_rule_name(rule));
    Table<float> floats;
    detox_call call = floats.call();
    ASSERT_EQ(detox_aggregate(made.get(), &call), 0) << detox_error();
    const std::vector<float> found = floats.out;
    std::vector<const float*> rows;
    for (const void* row : floats.rows) rows.push_back(static_cast<const float*>(row));
    ASSERT_EQ(detox_aggregate_float(made.get(), rows.data(), kRows, kColumns, 0, floats.out.data()),
              0);
    EXPECT_EQ(bits_of(found), bits_of(floats.out)) << detox_rule_name(rule);
    Table<double> doubles;
    call = doubles.call();
    ASSERT_EQ(detox_aggregate(made.get(), &call), 0) << detox_error();
    EXPECT_NEAR(doubles.out[0], static_cast<double>(found[0]),
                1e-3 * std::abs(doubles.out[0]) + 1e-5)
        << detox_rule_name(rule);
  }
}

TEST(CCalls, TakeAndGiveSixteenBitFloats) {
  // 1, 2, 4 and a NaN, of which the mean of the middle two is 3.
  struct {
    int type;
    std::uint16_t values[4], three;
  } const kinds[] = {{DETOX_BFLOAT16, {0x3f80, 0x4000, 0x4080, 0x7f81}, 0x4040},
                     {DETOX_FLOAT16, {0x3c00, 0x4000, 0x4400, 0xfc01}, 0x4200}};
  for (const auto& kind : kinds) {
    std::vector<const void*> rows;
    for (const std::uint16_t& value : kind.values) rows.push_back(&value);
    std::uint16_t out = 0;
    detox_call call = {};
    call.size = sizeof(call);
    call.type = kind.type;
    call.rows = rows.data();
    call.n = 4;
    call.d = 1;
    call.out = &out;
    const Rule median("median");
    ASSERT_EQ(detox_aggregate(median.get(), &call), 0) << detox_error();
    EXPECT_EQ(out, kind.three);
    std::uint16_t points[2] = {};
    call.out = points;
    const Steps pairs("bucketing:s=2");
    ASSERT_EQ(detox_apply_pre(pairs.get(), &call), 0) << detox_error();
    EXPECT_EQ(std::max(points[0], points[1]), kind.type == DETOX_BFLOAT16 ? 0x7fc0 : 0x7e00);
  }
}

TEST(CCalls, ReportWhoIsInTheResultAndWhyOthersAreNot) {
  const Rule rule("multi-krum");
  Table<float> table;
  detox_report report = empty_report();
  detox_call call = table.call();
  call.report = &report;
  ASSERT_EQ(detox_aggregate(rule.get(), &call), 0) << detox_error();
  ASSERT_EQ(report.selected_count, 4U);
  for (std::size_t i = 0; i < report.selected_count; ++i) EXPECT_NE(report.selected[i], 4U);
  ASSERT_EQ(report.score_count, kRows);
  ASSERT_EQ(report.weight_count, kRows);
  for (std::size_t i = 0; i < kRows; ++i) EXPECT_LE(report.scores[i], report.scores[4]);
  EXPECT_EQ(report.weights[4], 0);
  ASSERT_EQ(report.rejected_count, 3U);
  for (std::size_t i = 0; i < report.rejected_count; ++i) EXPECT_STRNE(report.reasons[i], "");

  const Rule median("median");
  ASSERT_EQ(detox_aggregate(median.get(), &call), 0);
  EXPECT_EQ(report.selected_count + report.score_count + report.weight_count, 0U);
}

TEST(CCalls, WeighRowsOfThisCallAlone) {
  const Rule mean("mean", "weight-cap=7");
  Table<double> table;
  detox_call call = table.call();
  const double weights[kRows] = {1, 0, 0, 0, 0, 0, 0};
  call.weights = weights;
  ASSERT_EQ(detox_aggregate(mean.get(), &call), 0) << detox_error();
  EXPECT_EQ(table.out[1], std::sin(1.0));
  call.weights = nullptr;
  ASSERT_EQ(detox_aggregate(mean.get(), &call), 0);
  EXPECT_GT(table.out[1], 1e5);
}

TEST(CCalls, ThatCannotBeAreRefusedInOneLine) {
  const Rule rule("median");
  Table<float> table;
  detox_report report = {};
  const auto expect = [&](const char* because, const detox_call& call) {
    EXPECT_EQ(detox_aggregate(rule.get(), &call), 2) << because;
    EXPECT_NE(std::string(detox_error()).find(because), std::string::npos) << detox_error();
    EXPECT_EQ(std::string(detox_error()).find('\n'), std::string::npos);
  };
  EXPECT_EQ(detox_aggregate(rule.get(), nullptr), 2);
  EXPECT_STREQ(detox_error(), "the detox_call is NULL");
  detox_call call = table.call();
  EXPECT_EQ(detox_aggregate(nullptr, &call), 2);
  call.size = 8;
  expect("size of detox_call is 8; valid: ", call);
  call = table.call();
  call.type = 7;
  expect("type of values is 7; valid: DETOX_FLOAT32, DETOX_FLOAT64, DETOX_BFLOAT16, DETOX_FLOAT16",
         call);
  call = table.call();
  call.report = &report;
  expect("size of detox_report is 0; valid: ", call);
  call = table.call();
  call.rows = nullptr;
  expect("rows (7, 5000) are null", call);
  call = table.call();
  call.out = nullptr;
  expect("out is null", call);
  call = table.call();
  call.out = const_cast<void*>(table.rows[6]);
  expect("out lies in row 6 of (7, 5000)", call);
  call = table.call();
  call.n = std::numeric_limits<std::size_t>::max();
  expect("takes at most 65535 rows", call);
  call = table.call();
  call.d = std::numeric_limits<std::size_t>::max();
  expect("rows (7, 18446744073709551615): more values than memory can hold", call);
  call = table.call();
  const double weights[kRows] = {1, -1, 1, 1, 1, 1, 1};
  call.weights = weights;
  expect("weight", call);
}

TEST(CCalls, SayForHowManyRowsARuleWillDo) {
  const Rule krum("krum", "f=2");
  EXPECT_STREQ(detox_unmet(krum.get(), 7), "");
  EXPECT_STREQ(detox_unmet(krum.get(), 6), "krum needs n >= 2f + 3: n = 6, f = 2");
  EXPECT_EQ(detox_unmet(nullptr, 6), nullptr);
}

TEST(CCalls, TellWhatARuleCanDo) {
  const std::size_t median = detox_find_rule("Median"), dnc = detox_find_rule("dnc");
  EXPECT_STREQ(detox_rule_name(median), "coord-median");
  EXPECT_EQ(detox_rule_takes_weights(median), 1);
  EXPECT_EQ(detox_rule_draws(median), 0);
  EXPECT_EQ(detox_rule_takes_weights(dnc), 0);
  EXPECT_EQ(detox_rule_draws(dnc), 1);
  EXPECT_EQ(detox_find_rule("crumb"), detox_rule_count());
  EXPECT_NE(std::string(detox_error()).find("did you mean krum?"), std::string::npos);
  EXPECT_EQ(detox_find_rule(nullptr), detox_rule_count());
  EXPECT_EQ(detox_rule_draws(detox_rule_count()), 0);
}

TEST(CCalls, GiveThePointsThatARuleBehindTheStepsReduces) {
  for (const char* steps :
       {"none", "nnm", "bucketing:s=2", "clipping", "arc", "nnm,bucketing:s=3"}) {
    const Steps made(steps);
    ASSERT_NE(made.get(), nullptr) << detox_error();
    Table<double> table;
    const std::size_t points = detox_pre_points(made.get(), kRows);
    ASSERT_GE(points, 1U) << detox_error();
    std::vector<double> values(points * kColumns);
    detox_call call = table.call();
    call.step = 3;
    call.out = values.data();
    ASSERT_EQ(detox_apply_pre(made.get(), &call), 0) << detox_error();

    const Rule mean("mean", "f=1"),
        behind("mean", (std::string("f=1 seed=1 pre=") + steps).c_str());
    std::vector<const void*> rows;
    for (std::size_t i = 0; i < points; ++i) rows.push_back(&values[i * kColumns]);
    call.rows = rows.data();
    call.n = points;
    std::vector<double> of_points(kColumns);
    call.out = of_points.data();
    ASSERT_EQ(detox_aggregate(mean.get(), &call), 0) << detox_error();
    call = table.call();
    call.step = 3;
    ASSERT_EQ(detox_aggregate(behind.get(), &call), 0) << detox_error();
    for (std::size_t c = 0; c < kColumns; ++c)
      ASSERT_NEAR(of_points[c], table.out[c], 1e-9 * (1 + std::abs(table.out[c]))) << steps;
  }
}

TEST(CCalls, OfStepsThatCannotBeAreRefused) {
  EXPECT_EQ(detox_create_pre(nullptr, 1, 1, 1), nullptr);
  EXPECT_EQ(detox_create_pre("nmn", 1, 1, 1), nullptr);
  EXPECT_NE(std::string(detox_error()).find("did you mean nnm?"), std::string::npos);
  EXPECT_EQ(detox_create_pre("nnm", 1, 1, 5000), nullptr);
  const Steps nnm("nnm", 4);
  EXPECT_EQ(detox_pre_points(nnm.get(), 7), 0U);
  EXPECT_NE(std::string(detox_error()).find("n = 7, f = 4"), std::string::npos) << detox_error();
  EXPECT_EQ(detox_pre_points(nullptr, 7), 0U);
  Table<float> table;
  detox_call call = table.call();
  EXPECT_EQ(detox_apply_pre(nnm.get(), &call), 2);
  EXPECT_EQ(detox_apply_pre(nullptr, &call), 2);
  EXPECT_EQ(detox_create_pre("nnm", 65536, 1, 1), nullptr);
  EXPECT_STREQ(detox_error(), "f is '65536'; valid: a whole number from 0 to 65535");
  const Steps usable("nnm");
  call.out = const_cast<void*>(table.rows[0]);
  EXPECT_EQ(detox_apply_pre(usable.get(), &call), 2);
  EXPECT_STREQ(detox_error(), "out lies in row 0 of (7, 5000); valid: memory of its own");
  call = table.call();
  call.d = std::numeric_limits<std::size_t>::max() / 8;
  EXPECT_EQ(detox_apply_pre(usable.get(), &call), 2);
  call = table.call();
  EXPECT_EQ(detox_apply_pre(usable.get(), nullptr), 2);
  table.rows[3] = nullptr;
  EXPECT_EQ(detox_apply_pre(usable.get(), &call), 2);
  EXPECT_STREQ(detox_error(), "row 3 of (7, 5000) is null");
  detox_report report = empty_report();
  call.report = &report;
  EXPECT_EQ(detox_apply_pre(usable.get(), &call), 2);
  call = table.call();
  call.out = nullptr;
  EXPECT_EQ(detox_apply_pre(usable.get(), &call), 2);
  detox_destroy_pre(nullptr);
}

TEST(CCalls, DigestBytes) {
  unsigned char digest[32];
  ASSERT_EQ(detox_digest("abc", 3, digest), 0);
  EXPECT_EQ(digest[0], 0xba);
  EXPECT_EQ(digest[31], 0xad);
  ASSERT_EQ(detox_digest(nullptr, 0, digest), 0);
  EXPECT_EQ(digest[0], 0xe3);
  EXPECT_EQ(detox_digest(nullptr, 1, digest), 2);
  EXPECT_EQ(detox_digest("abc", 3, nullptr), 2);
}

TEST(CCalls, VoteByTheBytesOfAnswers) {
  const void* answers[] = {"lie", "abcd", nullptr, "abcd", "abc", "abcd", "abcd"};
  const std::size_t sizes[] = {3, 4, 0, 4, 3, 4, 4};
  std::size_t winner = 99;
  unsigned char agrees[7] = {9, 9, 9, 9, 9, 9, 9};
  ASSERT_EQ(detox_vote(answers, sizes, 7, &winner, agrees), 0) << detox_error();
  EXPECT_EQ(winner, 1U);
  EXPECT_EQ(std::vector<int>(agrees, agrees + 7), (std::vector<int>{0, 1, 0, 1, 0, 1, 1}));
  ASSERT_EQ(detox_vote(answers, sizes, 6, &winner, agrees), 0);  // three of six
  EXPECT_EQ(winner, 6U);
  EXPECT_EQ(std::vector<int>(agrees, agrees + 6), std::vector<int>(6, 0));
  ASSERT_EQ(detox_vote(answers, sizes, 1, &winner, agrees), 0);
  EXPECT_EQ(winner, 0U);
  ASSERT_EQ(detox_vote(nullptr, nullptr, 0, &winner, nullptr), 0);
  EXPECT_EQ(winner, 0U);
  EXPECT_EQ(detox_vote(nullptr, sizes, 7, &winner, agrees), 2);
  EXPECT_EQ(detox_vote(answers, nullptr, 7, &winner, agrees), 2);
  EXPECT_EQ(detox_vote(answers, sizes, 7, nullptr, agrees), 2);
  EXPECT_EQ(detox_vote(answers, sizes, 7, &winner, nullptr), 2);
  EXPECT_EQ(detox_vote(answers, sizes, 70000, &winner, agrees), 2);
  EXPECT_STREQ(detox_error(), "70000 workers vote; valid: 0 to 65535");
}

}  // namespace
