// The definitions of ByzFL and ByzPy against oracles, what is the same in all of them, and what
// hostile rows can do there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "detox/errors.hpp"
#include "stages/aggregate/peer_oracles.hpp"
#include "stages/aggregate/rule_options.hpp"
#include "stages/aggregate/run_rule.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

using test::Sample;

constexpr std::array kRulesThatDiffer = {
    "centered-clipping", "coord-median", "geometric-median", "krum", "meamed", "multi-krum"};
constexpr std::array kPeers = {Semantics::kByzfl, Semantics::kByzpy};

template <class T>
void compare(const char* rule, const RuleOptions& options, Sample<T>& sample) {
  const std::vector<T> found = test::run_rule(rule, options, sample);
  const oracle::Vector expected = oracle::as_peers(rule, sample.matrix(), options);
  // Whether a round of byzpy's geometric median moves by 1e-6 hangs on the last bits.
  const bool has_rounds = std::string_view(rule) == "geometric-median";
  double tolerance = sizeof(T) == 4 ? 2e-6 : has_rounds ? 1e-9 : 1e-13;
  if (has_rounds && sizeof(T) == 4) tolerance = 1e-5;
  double scale = 1;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (std::size_t c = 0; c < found.size(); ++c)
    ASSERT_NEAR(static_cast<double>(found[c]), expected[c], tolerance * scale) << "column " << c;
}

template <class T>
void compare_all_sizes(const char* rule, Semantics semantics) {
  const RuleInfo& info = find_rule(rule);
  for (std::size_t n = requirement_in(info, semantics).min_rows(1); n <= 64; n += n < 12 ? 1 : 13) {
    for (const std::size_t d : {1UL, 15UL, 17UL, 1000UL}) {
      for (const std::size_t f :
           {std::size_t{0}, std::size_t{1}, test::most_hostile(info, n, semantics)}) {
        SCOPED_TRACE(testing::Message() << rule << ' ' << word_of(semantics) << " n = " << n
                                        << ", d = " << d << ", f = " << f);
        auto sample = test::normal_sample<T>(n, d, n * 1000 + d + f);
        compare(rule, {.f = f, .clip_radius = 3, .semantics = semantics}, sample);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Semantics, OfPeersEqualTheirOraclesOnFloatsAndDoubles) {
  for (const char* rule : kRulesThatDiffer) {
    for (const Semantics semantics : kPeers) {
      compare_all_sizes<float>(rule, semantics);
      compare_all_sizes<double>(rule, semantics);
    }
  }
}

TEST(Semantics, OfPeersEqualTheirOraclesWithHostileRowsOfEveryKind) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float kind :
       {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 1e30F, -1e38F, 1e-42F}) {
    for (const char* rule : kRulesThatDiffer) {
      for (const Semantics semantics : kPeers) {
        for (const std::size_t n : {8UL, 11UL, 24UL}) {
          const std::size_t f = test::most_hostile(find_rule(rule), n);
          auto sample = test::normal_sample<float>(n, 40, n);
          for (std::size_t i = 0; i < f; ++i) sample.values[2 * i].assign(40, kind);
          SCOPED_TRACE(testing::Message()
                       << rule << ' ' << word_of(semantics) << " n = " << n << ", " << kind);
          compare(rule, {.f = f, .semantics = semantics}, sample);
        }
      }
    }
  }
}

TEST(Semantics, ChangeWhatTheRegistrySaysAndNothingElse) {
  for (const RuleInfo& rule : rules()) {
    for (const Semantics semantics : kPeers) {
      // Even n, and rows far apart, so that every definition shows.
      auto sample = test::normal_sample<double>(12, 5, 1);
      const RuleOptions paper{.f = 2, .clip_radius = 1};
      RuleOptions peers = paper;
      peers.semantics = semantics;
      const bool same =
          test::run_rule(rule.name, paper, sample) == test::run_rule(rule.name, peers, sample);
      // The best row may be the same one.
      if (rule.name == "krum" && same) continue;
      EXPECT_EQ(!same, differs_from_paper(rule, semantics))
          << rule.name << ' ' << word_of(semantics);
    }
  }
}

TEST(Semantics, OfPeersAskForAsManyRowsAsTheyDoThere) {
  struct Line {
    const char* rule;
    const char* byzfl;
    const char* byzpy;
  };
  constexpr Line kLines[] = {{"krum", "n >= 2f + 1", "n >= f + 2"},
                             {"multi-krum", "n >= 2f + 1", "n >= f + 2"},
                             {"cge", "n >= 2f + 1", "n >= f + 1"},
                             {"mda", "n >= 2f + 1", "n >= f + 1"},
                             {"meamed", "n >= 2f + 1", "n >= f + 1"}};
  for (const RuleInfo& rule : rules()) {
    EXPECT_EQ(requirement_in(rule, Semantics::kPaper).text, rule.requirement);
    const auto* line = std::ranges::find(kLines, rule.name, &Line::rule);
    const bool is_there = line != std::end(kLines);
    EXPECT_EQ(requirement_in(rule, Semantics::kByzfl).text,
              is_there ? line->byzfl : rule.requirement)
        << rule.name;
    EXPECT_EQ(requirement_in(rule, Semantics::kByzpy).text,
              is_there ? line->byzpy : rule.requirement)
        << rule.name;
    for (const Semantics semantics : kPeers) {
      const RowRequirement needed = requirement_in(rule, semantics);
      const RuleOptions options{.f = 3, .semantics = semantics};
      const std::size_t n = needed.min_rows(3);
      EXPECT_EQ(make_aggregator(rule.name, options)->unmet(n), "") << rule.name;
      auto sample = test::normal_sample<float>(n, 5, 1);
      for (const float value : test::run_rule(rule.name, options, sample))
        EXPECT_TRUE(std::isfinite(value)) << rule.name;
      if (n == 1) continue;
      EXPECT_EQ(unmet_requirement(rule, options, n - 1),
                fmt::format("{} needs {}: n = {}, f = 3", rule.name, needed.text, n - 1));
    }
  }
}

TEST(Semantics, OfByzpyTakeTheNearestAlsoWhereMostMayBeHostile) {
  // Of 0, 1, 3, 7 the two of least norm and of least diameter, and those nearest the lower median.
  Sample<double> sample{{{7}, {1}, {0}, {3}}, {}};
  const RuleOptions options{.f = 2, .semantics = Semantics::kByzpy};
  EXPECT_EQ(test::run_rule("cge", options, sample)[0], 0.5);
  EXPECT_EQ(test::run_rule("mda", options, sample)[0], 0.5);
  EXPECT_EQ(test::run_rule("meamed", {.f = 3, .semantics = Semantics::kByzpy}, sample)[0], 1);
}

TEST(Semantics, KrumsNeighboursCanChangeTheBestRow) {
  // f = 1, n = 5: two neighbours for the paper, three for the peers.
  Sample<double> sample{{{0}, {0.1}, {0.2}, {5}, {9}}, {}};
  Sample<double> other{{{0}, {1}, {2.1}, {2.2}, {10}}, {}};
  for (Sample<double>* rows : {&sample, &other}) {
    const RuleOptions peers{.f = 1, .semantics = Semantics::kByzfl};
    EXPECT_EQ(test::run_rule("krum", peers, *rows)[0],
              oracle::as_peers("krum", rows->matrix(), peers)[0]);
  }
  EXPECT_EQ(test::run_rule("krum", {.f = 1}, other)[0], 2.1);
  EXPECT_EQ(test::run_rule("krum", {.f = 1, .semantics = Semantics::kByzfl}, other)[0], 1);
}

TEST(Semantics, MoreRowsThanFThatAreNotFiniteAreStillNotRead) {
  for (const char* rule : {"geometric-median", "krum", "multi-krum", "centered-clipping"}) {
    for (const Semantics semantics : kPeers) {
      for (const std::size_t bad : {4UL, 10UL, 11UL}) {
        auto sample = test::normal_sample<float>(11, 20, 1);
        for (std::size_t i = 0; i < bad; ++i)
          sample.values[i].assign(20, std::numeric_limits<float>::quiet_NaN());
        AggregationReport report;
        const auto out = test::run_rule(rule, {.f = 2, .semantics = semantics}, sample, &report);
        for (const float value : out) EXPECT_TRUE(std::isfinite(value)) << rule << ' ' << bad;
        EXPECT_EQ(report.rejected.size() + report.selected.size(), 11U);
        EXPECT_EQ(report.rejected.at(0).reason, "not finite");
      }
    }
  }
}

TEST(Semantics, HaveTheSameBitsWithAnyThreadsAndNoAllocationAfterTheFirstCall) {
  for (const char* rule : kRulesThatDiffer) {
    for (const Semantics semantics : kPeers) {
      const RuleOptions options{.f = 4, .semantics = semantics};
      auto sample = test::normal_sample<float>(18, 20011, 1);
      const auto expected = test::run_rule(rule, options, sample);
      EXPECT_EQ(test::run_rule(rule, options, sample, nullptr, 3), expected) << rule;
      ThreadPool pool(2);
      Workspace workspace;
      AggregationContext context{pool, workspace};
      const auto aggregator = make_aggregator(rule, options);
      std::vector<float> out(20011);
      const Rows<float> rows = sample.rows();
      aggregator->aggregate(rows, out, context);
      const std::size_t before = allocations().count;
      aggregator->aggregate(rows, out, context);
      EXPECT_EQ(allocations().count, before) << rule;
      EXPECT_EQ(out, expected) << rule;
    }
  }
}

TEST(Semantics, AreReadAsTextAndRefusedWithTheirNames) {
  RuleOptions options;
  set_rule_option("semantics", "byzpy", options);
  EXPECT_EQ(options.semantics, Semantics::kByzpy);
  try {
    set_rule_option("semantics", "bizfl", options);
    FAIL() << "was not refused";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("valid: paper, byzfl, byzpy"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace detox
