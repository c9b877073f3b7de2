// Whatever a caller of the public face does wrong is a UsageError that says what: no factory and no
// call ends the process or reads past an end.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "detox/errors.hpp"
#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

template <class Work>
std::string refusal_of(const Work& work) {
  try {
    work();
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

/// A call that would be right, for tests that spoil it.
struct Call {
  test::Sample<float> sample = test::normal_sample<float>(6, 3, 1);
  ThreadPool pool{1};
  Workspace workspace;
  AggregationContext context{pool, workspace};
  std::vector<float> result = std::vector<float>(3);
  Rows<float> rows = sample.rows();
  std::span<float> out = result;

  std::string refusal(const Aggregator& rule) {
    return refusal_of([&] { rule.aggregate(rows, out, context); });
  }
  std::string refusal() { return refusal(*make_aggregator("median", {.f = 1})); }
};

TEST(Misuse, OfARegistryLineIsNone) {
  for (const RuleInfo& rule : rules()) {
    auto sample = test::normal_sample<float>(9, 20, 3);
    const RuleOptions options{.f = 1, .pre = parse_pre_steps("nnm")};
    Call call;
    std::vector<float> out(20);
    rule.make(options)->aggregate(sample.rows(), out, call.context);
    EXPECT_EQ(out, test::run_rule(rule.name, options, sample)) << rule.name;
  }
  const RuleInfo copy = find_rule("krum");
  Call call;
  EXPECT_EQ(call.refusal(*copy.make({.f = 2})), "krum needs n >= 2f + 3: n = 6, f = 2");
}

TEST(Misuse, OfAnEmptyRegistryLineIsRefused) {
  const RuleInfo empty;
  EXPECT_NE(unmet_requirement(empty, {}, 3), "");
  EXPECT_NE(unmet_weights(empty, {}, std::vector<double>(3, 1.0), 3), "");
  EXPECT_THROW(check_requirement(empty, {}, 3), UsageError);
}

TEST(Misuse, OfShapesNamesBoth) {
  Call call;
  call.out = call.out.first(2);
  EXPECT_EQ(call.refusal(), "out has 2 values, rows are (6, 3); valid: out of 3 values");
  call.out = {};
  EXPECT_EQ(call.refusal(), "out has 0 values, rows are (6, 3); valid: out of 3 values");
  call.out = {static_cast<float*>(nullptr), 3};
  EXPECT_EQ(call.refusal(), "out is null, rows are (6, 3); valid: out of 3 values");
  call.out = call.result;
  call.rows.d = 4;
  EXPECT_EQ(call.refusal(), "out has 3 values, rows are (6, 4); valid: out of 4 values");
}

TEST(Misuse, OfRowsNamesTheRow) {
  Call call;
  call.sample.pointers[4] = nullptr;
  EXPECT_EQ(call.refusal(), "row 4 of (6, 3) is null");
  call.rows.row = {static_cast<const float* const*>(nullptr), 6};
  EXPECT_EQ(call.refusal(), "rows (6, 3) are null");
  call.rows.row = {};
  EXPECT_EQ(call.refusal(), "coord-median needs n >= 2f + 1: n = 0, f = 1");
}

TEST(Misuse, OfMemoryThatIsARowNamesTheRow) {
  Call call;
  float* const row = const_cast<float*>(call.sample.pointers[3]);
  for (const std::ptrdiff_t off : {-2, 0, 2}) {
    call.out = {row + off, 3};
    const std::string said = call.refusal();
    EXPECT_NE(said.find("out lies in row "), std::string::npos) << off << ": " << said;
  }
  std::vector<float> one(6);
  std::vector<const float*> rows(6, &one[3]);
  call.rows = {rows, 3};
  call.out = std::span(one).first(3);  // beside it
  EXPECT_EQ(call.refusal(), "");
}

TEST(Misuse, OfAStartNamesBothSizes) {
  for (const RuleInfo& rule : rules()) {
    Call call;
    const std::vector<float> start(2);
    call.context.start = start;
    EXPECT_EQ(call.refusal(*rule.make({})),
              "start has 2 values, rows are (6, 3); valid: start of 3 values or none")
        << rule.name;
  }
}

TEST(Misuse, OfFIsRefused) {
  for (const RuleInfo& rule : rules()) {
    if (rule.is_mean) continue;
    for (const std::size_t f : {std::size_t{6}, kMostRows}) {
      Call call;
      EXPECT_NE(call.refusal(*rule.make({.f = f})), "") << rule.name;
    }
    for (const std::size_t f : {kMostRows + 1, SIZE_MAX})
      EXPECT_NE(refusal_of([&] { rule.make({.f = f}); }), "") << rule.name;
  }
  EXPECT_NE(unmet_weights(find_rule("median"), {.f = 7}, std::vector<double>{1, 1, 1}, 3), "");
  EXPECT_EQ(unmet_weights(find_rule("median"), {}, std::vector<double>{1, 1, 1}, SIZE_MAX),
            "3 weights for 18446744073709551615 rows");
  for (const char* step : {"nnm", "arc", "bucketing", "clipping"}) {
    const RuleOptions options{.f = SIZE_MAX, .pre = parse_pre_steps(step)};
    EXPECT_NE(refusal_of([&] { make_aggregator("mean", options); }), "") << step;
  }
}

TEST(Misuse, OfAStepBeforeARuleIsRefused) {
  for (const PreInfo& info : pre_aggregators()) {
    for (const double parameter : {0.0, -1.0, 0.5, std::numeric_limits<double>::quiet_NaN(),
                                   std::numeric_limits<double>::infinity()}) {
      const std::string said = refusal_of([&] { info.points_after(9, parameter); });
      EXPECT_EQ(said.empty(), info.name != "bucketing") << info.name << ' ' << parameter;
    }
  }
  const std::vector<PreStep> steps = {{nullptr, 1}};
  EXPECT_NE(refusal_of([&] { to_text(steps); }), "");
}

TEST(Misuse, OfAPoolOrAStreamIsRefused) {
  EXPECT_EQ(refusal_of([] { ThreadPool pool(0); }),
            "a pool of 0 threads; valid: a whole number from 1 to 65535");
  EXPECT_NE(refusal_of([] { ThreadPool pool(SIZE_MAX); }), "");
  EXPECT_EQ(refusal_of([] { RandomStream(Key()).below(0); }),
            "no number is below 0; valid: a bound from 1");
}

TEST(Misuse, OfCoordinatesIsNoneWhereThereAreNone) {
  for (const RuleInfo& rule : rules()) {
    Call call;
    call.rows.d = 0;
    call.out = {};
    EXPECT_EQ(call.refusal(*rule.make({})), "") << rule.name;
  }
}

}  // namespace
}  // namespace detox
