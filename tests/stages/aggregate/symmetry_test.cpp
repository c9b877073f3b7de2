// Symmetries that hold to the last bit, and those that are left behind steps of pre-aggregation.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

using test::Sample;

bool is_one_of(std::string_view rule, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, rule) != names.end();
}

/// They have a size of their own: votes, and a radius.
bool grows_with_the_rows(const RuleInfo& rule) {
  return !is_one_of(rule.name, {"signSGD", "centered-clipping"});
}

/// The others look at the rows from the origin.
bool moves_with_the_rows(const RuleInfo& rule) {
  return !is_one_of(rule.name, {"signSGD", "centered-clipping", "cge"});
}

/// Rows that nnm has mixed are as far from each other wherever they differ by as many rows, and
/// which of the sets of such rows these take hangs on the last bit.
bool ties_behind_nnm(const RuleInfo& rule) {
  return is_one_of(rule.name, {"bulyan", "mda", "smea"});
}

template <class T>
std::vector<T> reduced(const RuleInfo& rule, const char* chain, Sample<T>& sample) {
  RuleOptions options{.f = rule.name == "normal" ? 0U : 2U, .reference_row = 4};
  options.pre = parse_pre_steps(chain);
  return test::run_rule(rule.name, options, sample);
}

template <class T>
void expect_same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(T)), 0);
}

template <class T>
void expect_to_grow_with_every_bit(const char* chain) {
  for (const RuleInfo& rule : rules()) {
    if (!grows_with_the_rows(rule)) continue;
    if (rule.name == "monna" && std::string_view(chain).starts_with("bucketing")) continue;
    for (const T factor : {T{1024}, T{0x1p-7}}) {
      SCOPED_TRACE(testing::Message() << rule.name << " behind " << chain << ", by " << factor);
      auto sample = test::normal_sample<T>(25, 60, 3);
      std::vector<T> expected = reduced(rule, chain, sample);
      for (T& value : expected) value *= factor;
      for (auto& row : sample.values) {
        for (T& value : row) value *= factor;
      }
      expect_same_bits(reduced(rule, chain, sample), expected);
    }
  }
}

TEST(Rules, GrowWithTheRowsByPowersOfTwoToTheLastBit) {
  for (const char* chain : {"none", "nnm", "arc", "bucketing:s=2", "arc,nnm"}) {
    expect_to_grow_with_every_bit<float>(chain);
    expect_to_grow_with_every_bit<double>(chain);
  }
}

TEST(PreAggregation, MovesAlongWithACommonOffset) {
  for (const char* chain : {"nnm", "bucketing:s=2", "bucketing:s=2,nnm"}) {
    for (const RuleInfo& rule : rules()) {
      if (!moves_with_the_rows(rule) || ties_behind_nnm(rule)) continue;
      if (rule.name == "monna" && std::string_view(chain) != "nnm") continue;
      SCOPED_TRACE(testing::Message() << rule.name << " behind " << chain);
      auto sample = test::normal_sample<double>(25, 60, 5);
      const auto expected = reduced(rule, chain, sample);
      for (auto& row : sample.values) {
        for (std::size_t c = 0; c < row.size(); ++c) row[c] += 100.0 * static_cast<double>(c);
      }
      const auto found = reduced(rule, chain, sample);
      for (std::size_t c = 0; c < found.size(); ++c)
        ASSERT_NEAR(found[c], expected[c] + 100.0 * static_cast<double>(c), 1e-5) << c;
    }
  }
}

TEST(PreAggregation, DoesNotDependOnTheOrderOfTheRows) {
  // Bucketing does: its permutation is of places.
  for (const char* chain : {"nnm", "arc", "clipping:c=3", "clipping:c=7,nnm", "arc,nnm"}) {
    for (const RuleInfo& rule : rules()) {
      if (std::string_view(chain).ends_with("nnm") && ties_behind_nnm(rule)) continue;
      // Often several sets have the least diameter, and the first is taken.
      if (rule.name == "mda") continue;
      // Rows that were scaled to one norm tie.
      if (rule.name == "cge" && std::string_view(chain) != "nnm") continue;
      SCOPED_TRACE(testing::Message() << rule.name << " behind " << chain);
      auto sample = test::normal_sample<double>(17, 60, 9);
      const auto expected = reduced(rule, chain, sample);
      std::rotate(sample.values.begin() + 5, sample.values.begin() + 9, sample.values.end());
      std::swap(sample.values[0], sample.values[12]);  // row 4, which monna trusts, stays
      const auto found = reduced(rule, chain, sample);
      for (std::size_t c = 0; c < found.size(); ++c) ASSERT_NEAR(found[c], expected[c], 1e-6) << c;
    }
  }
}

}  // namespace
}  // namespace detox
