// What a hierarchy demands before it takes rows, in the words that users see.
#include <gtest/gtest.h>

#include <tuple>

#include "stages/bucket/hierarchy.hpp"

namespace detox {
namespace {

std::string unmet(std::string_view inner, std::string_view outer, std::size_t buckets,
                  std::size_t f_eff, std::size_t n) {
  return Hierarchy({.inner_rule = &find_rule(inner),
                    .outer_rule = &find_rule(outer),
                    .buckets = buckets,
                    .f_eff = f_eff})
      .unmet_requirement(n);
}

TEST(Hierarchy, NamesTheInequalityAndTheValuesThatAreNotMet) {
  EXPECT_EQ(unmet("normal", "krum", 0, 1, 4), "krum needs n >= 2f + 3: n = 4, f = 1");
  EXPECT_EQ(unmet("normal", "krum", 0, 1, 5), "");
  EXPECT_EQ(unmet("normal", "bulyan", 0, 2, 10), "bulyan needs n >= 4f + 3: n = 10, f = 2");
  EXPECT_EQ(unmet("normal", "bulyan", 0, 2, 11), "");
  EXPECT_EQ(unmet("normal", "normal", 0, 7, 1), "");
  EXPECT_EQ(unmet("normal", "normal", 0, 0, 0), "no slice is left");
}

TEST(Hierarchy, CountsBucketsAndNotRowsWhereAMeanIsInside) {
  EXPECT_EQ(unmet("normal", "coord-median", 5, 2, 15), "");
  EXPECT_EQ(unmet("normal", "coord-median", 3, 2, 15),
            "coord-median needs n >= 2f + 1: n = 3, f = 2 (3 buckets)");
}

TEST(Hierarchy, AssumesNoMoreCorruptBucketsThanThereAre) {
  EXPECT_EQ(unmet("normal", "coord-median", 3, 7, 15),
            "coord-median needs n >= 2f + 1: n = 3, f = 3 (3 buckets)");
  EXPECT_EQ(unmet("normal", "normal", 3, 7, 15), "");
}

TEST(Hierarchy, MeasuresTheInnerRuleOnTheSmallestBucket) {
  // 15 rows in 2 buckets: 8 and 7; multi-krum with f = 2 needs 7.
  EXPECT_EQ(unmet("multi-krum", "normal", 2, 2, 15), "");
  EXPECT_EQ(unmet("multi-krum", "normal", 2, 2, 13),
            "multi-krum needs n >= 2f + 3: n = 6, f = 2 (the smallest of 2 buckets of 13 rows)");
}

TEST(Hierarchy, LeavesTheOuterRuleNothingToSurviveWhereTheInnerOneIsRobust) {
  // 2 buckets could not survive f = 2, but they come out clean.
  EXPECT_EQ(unmet("multi-krum", "coord-median", 2, 2, 15), "");
  EXPECT_EQ(unmet("normal", "coord-median", 2, 2, 15),
            "coord-median needs n >= 2f + 1: n = 2, f = 2 (2 buckets)");
}

TEST(Hierarchy, NamesTheRuleThatCorruptRowsMeet) {
  const auto defender = [](std::string_view inner, std::string_view outer, std::size_t buckets,
                           std::size_t n) {
    const Hierarchy hierarchy({.inner_rule = &find_rule(inner),
                               .outer_rule = &find_rule(outer),
                               .buckets = buckets,
                               .f_eff = 2});
    const Hierarchy::Defender found = hierarchy.defender(n);
    return std::tuple(found.rule.name, found.rows, found.f);
  };
  using Expected = std::tuple<std::string_view, std::size_t, std::size_t>;
  EXPECT_EQ(defender("normal", "krum", 0, 15), Expected("krum", 15, 2));
  EXPECT_EQ(defender("normal", "coord-median", 5, 15), Expected("coord-median", 5, 2));
  EXPECT_EQ(defender("normal", "normal", 5, 1), Expected("normal", 1, 1));
  EXPECT_EQ(defender("multi-krum", "normal", 2, 15), Expected("multi-krum", 7, 2));
  EXPECT_EQ(defender("median", "krum", 4, 3), Expected("coord-median", 1, 2));
}

TEST(Hierarchy, KeepsItsBucketsWhenSlicesDropOutAtLeastOneRowEach) {
  EXPECT_EQ(unmet("normal", "coord-median", 5, 1, 5), "");
  EXPECT_EQ(unmet("normal", "coord-median", 5, 1, 3), "");
  EXPECT_EQ(unmet("normal", "coord-median", 5, 1, 2),
            "coord-median needs n >= 2f + 1: n = 2, f = 1 (2 buckets)");
}

TEST(Hierarchy, FindsATrustedSliceInItsPlaceOrNotAtAll) {
  Hierarchy::Options options;
  options.outer_rule = &find_rule("monna");
  options.f_eff = 1;
  options.rule.reference_row = 2;
  const Hierarchy hierarchy(options);
  const std::vector<std::uint32_t> whole = {0, 1, 2, 3}, without_last = {0, 1, 2},
                                   without_first = {1, 2, 3}, without_it = {0, 1, 3};
  EXPECT_EQ(hierarchy.unmet_requirement(whole), "");
  EXPECT_EQ(hierarchy.unmet_requirement(without_last), "");
  const char* unmet = "monna trusts slice 2, and that or one before it is not resolved";
  EXPECT_EQ(hierarchy.unmet_requirement(without_first), unmet);
  EXPECT_EQ(hierarchy.unmet_requirement(without_it), unmet);
}

TEST(Hierarchy, CountsThePointsThatStepsBeforeTheRuleLeave) {
  Hierarchy::Options options;
  options.outer_rule = &find_rule("krum");
  options.f_eff = 1;
  options.rule.pre = parse_pre_steps("nnm,bucketing:s=3");
  const Hierarchy hierarchy(options);
  EXPECT_EQ(hierarchy.defender(15).rows, 5U);
  EXPECT_EQ(hierarchy.unmet_requirement(15), "");
  EXPECT_EQ(hierarchy.unmet_requirement(12),
            "krum needs n >= 2f + 3: n = 4, f = 1 (after nnm,bucketing:s=3)");
}

TEST(Hierarchy, WantsAnHonestMajorityWhateverAnotherLibraryAccepts) {
  Hierarchy::Options options;
  options.outer_rule = &find_rule("krum");
  options.f_eff = 2;
  options.rule.semantics = Semantics::kByzfl;
  EXPECT_EQ(Hierarchy(options).unmet_requirement(5), "");
  EXPECT_EQ(Hierarchy(options).unmet_requirement(4), "krum needs n >= 2f + 1: n = 4, f = 2");
  options.rule.semantics = Semantics::kByzpy;
  EXPECT_EQ(Hierarchy(options).unmet_requirement(5), "");
  EXPECT_EQ(Hierarchy(options).unmet_requirement(4),
            "krum needs an honest majority, n >= 2f + 1: n = 4, f = 2");
  EXPECT_EQ(Hierarchy(options).unmet_requirement(3), "krum needs n >= f + 2: n = 3, f = 2");
  options.rule.pre = parse_pre_steps("bucketing:s=2");
  EXPECT_EQ(Hierarchy(options).unmet_requirement(9), "");
  EXPECT_EQ(Hierarchy(options).unmet_requirement(8),
            "krum needs an honest majority, n >= 2f + 1: n = 4, f = 2");
}

TEST(Hierarchy, KnowsThatMultiKrumCannotSelectMoreRowsThanAreTrusted) {
  RuleOptions rule;
  rule.krum_select = 13;
  const Hierarchy outer({.inner_rule = &find_rule("normal"),
                         .outer_rule = &find_rule("multi-krum"),
                         .f_eff = 2,
                         .rule = rule});
  EXPECT_EQ(outer.unmet_requirement(15), "");
  EXPECT_EQ(outer.unmet_requirement(14),
            "multi-krum needs krum-select <= n - f: krum-select = 13, n = 14, f = 2");
  rule.krum_select = 6;
  const Hierarchy inner({.inner_rule = &find_rule("multi-krum"),
                         .outer_rule = &find_rule("normal"),
                         .buckets = 2,
                         .f_eff = 2,
                         .rule = rule});
  EXPECT_NE(inner.unmet_requirement(15).find("krum-select = 6, n = 7, f = 2"), std::string::npos);
}

}  // namespace
}  // namespace detox
