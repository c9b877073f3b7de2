// What holds for every rule whatever the rows are: symmetries, bits, memory, inputs left alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "detox/errors.hpp"
#include "kernels/every_target.hpp"
#include "stages/aggregate/run_rule.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

using test::Sample;

RuleOptions hostile_options(const RuleInfo& rule, std::size_t n) {
  return {.f = rule.name == "normal" ? 0 : test::most_hostile(rule, n)};
}

template <class T>
void expect_close(const std::vector<T>& a, const std::vector<T>& b, double absolute) {
  for (std::size_t c = 0; c < a.size(); ++c) {
    ASSERT_NEAR(static_cast<double>(a[c]), static_cast<double>(b[c]), absolute) << "column " << c;
  }
}

TEST(Rules, DoNotDependOnTheOrderOfTheRows) {
  for (const RuleInfo& rule : rules()) {
    if (rule.name == "monna") continue;  // one row is not as the others
    // With f < 3 bulyan comes down to one neighbour, where two rows that are each other's nearest
    // tie.
    for (const std::size_t n : {15UL, 18UL}) {
      SCOPED_TRACE(rule.name);
      auto sample = test::normal_sample<float>(n, 130, n);
      const RuleOptions options = hostile_options(rule, n);
      const auto expected = test::run_rule(rule.name, options, sample);
      std::rotate(sample.values.begin(), sample.values.begin() + 4, sample.values.end());
      std::swap(sample.values[0], sample.values[7]);
      expect_close(test::run_rule(rule.name, options, sample), expected, 1e-6);
    }
  }
}

TEST(CoordinateRules, HaveTheSameBitsForAnyOrderOfRowsOfAnyBits) {
  for (const char* name : {"coord-median", "meamed", "phocas", "trimmed-mean", "signSGD"}) {
    auto sample = test::bits_sample<float>(13, 500, 1);
    const RuleOptions options{.f = 3};
    const auto expected = test::run_rule(name, options, sample);
    std::reverse(sample.values.begin(), sample.values.end());
    const auto found = test::run_rule(name, options, sample);
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0) << name;
  }
}

TEST(Rules, MoveAlongWithACommonOffset) {
  for (const RuleInfo& rule : rules()) {
    // These look at the rows from the origin.
    if (rule.name == "signSGD" || rule.name == "cge" || rule.name == "centered-clipping") continue;
    SCOPED_TRACE(rule.name);
    auto sample = test::normal_sample<double>(15, 60, 3);
    const RuleOptions options = hostile_options(rule, 15);
    auto expected = test::run_rule(rule.name, options, sample);
    for (auto& row : sample.values) {
      for (std::size_t c = 0; c < row.size(); ++c) row[c] += 100.0 * static_cast<double>(c);
    }
    for (std::size_t c = 0; c < expected.size(); ++c) expected[c] += 100.0 * static_cast<double>(c);
    expect_close(test::run_rule(rule.name, options, sample), expected, 1e-5);
  }
}

TEST(Rules, GrowAlongWithTheRows) {
  for (const RuleInfo& rule : rules()) {
    if (rule.name == "signSGD" || rule.name == "centered-clipping") continue;  // have a size
    for (const float factor : {1024.0F, 0x1p-20F, 0x1p100F}) {
      SCOPED_TRACE(testing::Message() << rule.name << " by " << factor);
      auto sample = test::normal_sample<float>(15, 60, 3);
      const RuleOptions options = hostile_options(rule, 15);
      auto expected = test::run_rule(rule.name, options, sample);
      for (auto& row : sample.values) {
        for (float& value : row) value *= factor;
      }
      auto found = test::run_rule(rule.name, options, sample);
      for (float& value : found) value /= factor;
      expect_close(found, expected, 1e-6);
    }
  }
}

template <class T>
void expect_same_bits_everywhere(const RuleInfo& rule, Sample<T>& sample) {
  const RuleOptions options = hostile_options(rule, sample.values.size());
  const auto expected = test::run_rule(rule.name, options, sample, nullptr, 1, 3);
  for (const std::size_t threads : {2UL, 3UL}) {
    const auto found = test::run_rule(rule.name, options, sample, nullptr, threads, 3);
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(T)), 0)
        << rule.name << " with " << threads << " threads";
  }
  test::on_every_target([&](const char* target) {
    const auto found = test::run_rule(rule.name, options, sample, nullptr, 1, 3);
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(T)), 0)
        << rule.name << " on " << target;
  });
}

TEST(Rules, HaveTheSameBitsWithAnyThreadsAndInstructionSet) {
  for (const RuleInfo& rule : rules()) {
    for (const std::size_t n : {11UL, 18UL}) {
      auto floats = test::normal_sample<float>(n, 20011, n);
      expect_same_bits_everywhere(rule, floats);
      auto doubles = test::normal_sample<double>(n, 20011, n);
      expect_same_bits_everywhere(rule, doubles);
      auto bits = test::bits_sample<float>(n, 997, n);
      expect_same_bits_everywhere(rule, bits);
      auto double_bits = test::bits_sample<double>(n, 997, n);
      expect_same_bits_everywhere(rule, double_bits);
    }
  }
}

TEST(Rules, LeaveTheirInputsAlone) {
  for (const RuleInfo& rule : rules()) {
    auto sample = test::bits_sample<float>(11, 500, 1);
    const auto before = sample.values;
    test::run_rule(rule.name, hostile_options(rule, 11), sample);
    for (std::size_t i = 0; i < before.size(); ++i) {
      // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bytes are what must not change
      EXPECT_EQ(std::memcmp(before[i].data(), sample.values[i].data(), 500 * sizeof(float)), 0);
    }
  }
}

template <class T>
void expect_no_allocation(const RuleInfo& rule, BulyanVariant variant) {
  auto sample = test::normal_sample<T>(18, 20000, 1);
  const Rows<T> rows = sample.rows();
  ThreadPool pool(2);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  RuleOptions options = hostile_options(rule, 18);
  options.bulyan_variant = variant;
  const auto aggregator = make_aggregator(rule.name, options);
  std::vector<T> out(rows.d);
  aggregator->aggregate(rows, out, context);
  const std::size_t scratch = workspace.allocated_bytes();
  const std::size_t before = allocations().count;
  aggregator->aggregate(rows, out, context);
  EXPECT_EQ(allocations().count, before) << rule.name;
  EXPECT_EQ(workspace.allocated_bytes(), scratch) << rule.name;
}

TEST(Rules, AllocateNothingAfterTheFirstCall) {
  const std::size_t before = allocations().count;
  { const std::vector<double> one(1); }
  ASSERT_EQ(allocations().count, before + 1);  // it does count
  for (const RuleInfo& rule : rules()) {
    if (rule.name == "dnc") continue;
    for (const BulyanVariant variant : {BulyanVariant::kPaper, BulyanVariant::kDetox}) {
      expect_no_allocation<float>(rule, variant);
      expect_no_allocation<double>(rule, variant);
    }
  }
}

TEST(Dnc, TakesOnlyItsFiveStreamsFromTheHeapAfterTheFirstCall) {
  std::vector<std::size_t> bytes;
  for (const std::size_t d : {10UL, 20000UL}) {
    auto sample = test::normal_sample<float>(7, d, 1);
    const Rows<float> rows = sample.rows();
    std::vector<float> out(d);
    ThreadPool pool(1);
    Workspace workspace;
    AggregationContext context{pool, workspace};
    const auto rule = make_aggregator("dnc", {.f = 2});
    rule->aggregate(rows, out, context);
    const std::size_t before = allocations().bytes;
    rule->aggregate(rows, out, context);
    bytes.push_back(allocations().bytes - before);
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_LE(bytes[0], 5 * 5000U);
}

TEST(Rules, RefuseTooFewRowsWithTheInequalityAndTheValues) {
  for (const RuleInfo& rule : rules()) {
    if (rule.name == "normal") continue;
    const std::size_t n = rule.min_rows(2);
    auto sample = test::normal_sample<float>(n, 3, 1);
    EXPECT_NO_THROW(test::run_rule(rule.name, {.f = 2}, sample)) << rule.name;
    sample.values.pop_back();
    EXPECT_THROW(test::run_rule(rule.name, {.f = 2}, sample), UsageError) << rule.name;
  }
  try {
    check_requirement(find_rule("krum"), {.f = 2}, 6);
    FAIL() << "was not refused";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "krum needs n >= 2f + 3: n = 6, f = 2");
  }
  EXPECT_THROW(check_requirement(find_rule("normal"), {}, 0), UsageError);
  EXPECT_THROW(check_requirement(find_rule("krum"), {.f = SIZE_MAX / 2}, 6), UsageError);
  EXPECT_THROW(check_requirement(find_rule("multi-krum"), {.f = 2, .krum_select = 8}, 9),
               UsageError);
  EXPECT_THROW(check_requirement(find_rule("monna"), {.f = 2, .reference_row = 9}, 9), UsageError);
  // A bucket of one is a row by itself, but in another place.
  EXPECT_EQ(unmet_requirement(find_rule("monna"), {.pre = parse_pre_steps("bucketing:s=1")}, 9),
            "monna trusts one row, and bucketing leaves none by itself");
  EXPECT_EQ(unmet_requirement(find_rule("monna"), {.pre = parse_pre_steps("nnm,arc")}, 9), "");
  EXPECT_EQ(unmet_requirement(find_rule("mda"), {.f = 5}, 45), "");  // 1,221,759 sets
  EXPECT_EQ(unmet_requirement(find_rule("mda"), {.f = 6}, 45),
            "mda needs C(n, f) <= 2000000: n = 45, f = 6");
}

TEST(Registry, FindsRulesByNameAndAlias) {
  EXPECT_EQ(find_rule("median").name, "coord-median");
  EXPECT_EQ(find_rule("mean").name, "normal");
  EXPECT_EQ(find_rule("sign-sgd").name, "signSGD");
  EXPECT_EQ(find_rule("Multi_Krum").name, "multi-krum");
  EXPECT_TRUE(std::is_sorted(rules().begin(), rules().end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  try {
    find_rule("multikrumm");
    FAIL() << "was not refused";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean multi-krum?"), std::string::npos);
  }
}

}  // namespace
}  // namespace detox
