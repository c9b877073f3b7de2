// Rules that somebody compiled: which files are taken, and that they are rules like ours. Modules
// stay open, so the names of files tell them apart.
#include "config/rule_file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "config/refusal.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string refused(const std::string& rule) {
  return refusal([&] { rule_of(rule); });
}

std::string odd(const std::string& kind) { return fmt::format("{}/odd_{}.so", DETOX_RULES, kind); }

const std::string kMidrange = DETOX_RULES "/midrange.so";

/// What the rule makes of rows whose columns are 0 to n - 1, scaled by 1, 2 and 3.
std::vector<float> reduced(const RuleInfo& rule, std::size_t n, const RuleOptions& options) {
  std::vector<std::vector<float>> values;
  std::vector<const float*> rows;
  values.reserve(n);
  rows.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<float>(i);
    values.push_back({x, 2 * x, 3 * x});
  }
  for (const auto& row : values) rows.push_back(row.data());
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  std::vector<float> out(3);
  rule.make(options)->aggregate(Rows<float>{rows, 3}, out, context);
  return out;
}

TEST(RuleFile, IsARuleLikeOurs) {
  const RuleInfo& rule = rule_of(kMidrange);
  EXPECT_EQ(rule.name, "trimmed-midrange");
  EXPECT_EQ(&rule_of(kMidrange), &rule);
  EXPECT_EQ(reduced(rule, 6, {.f = 1}), (std::vector<float>{2.5F, 5, 7.5F}));
  EXPECT_EQ(refusal([&] { reduced(rule, 6, {.f = 3}); }),
            "trimmed-midrange needs n >= 2f + 1: n = 6, f = 3");
  // The mean of neighbours moves no middle of evenly spaced rows.
  EXPECT_EQ(reduced(rule, 5, {.f = 0, .pre = parse_pre_steps("nnm")}),
            (std::vector<float>{2, 4, 6}));
}

TEST(RuleFile, IsWhatHoldsASlashOrEndsAsALibrary) {
  EXPECT_TRUE(is_rule_file("./rule"));
  EXPECT_TRUE(is_rule_file("rule.so"));
  EXPECT_FALSE(is_rule_file("multi-krum"));
  EXPECT_EQ(&rule_of("Multi_Krum"), &find_rule("multi-krum"));
  EXPECT_THAT(refused("multi-krumm"), HasSubstr("did you mean multi-krum?"));
}

TEST(RuleFile, IsRecordedWithItsDigestAndIsWhatItHolds) {
  const std::string digest = hex(digest_of(read_file(kMidrange)));
  const std::string recorded = recorded_name(rule_of(kMidrange));
  EXPECT_EQ(recorded, kMidrange + "@sha256:" + digest);
  EXPECT_EQ(&rule_of(recorded), &rule_of(kMidrange));
  const TemporaryDirectory directory;
  fs::copy_file(kMidrange, directory / "moved.so");
  const RuleInfo& moved = rule_of((directory / "moved.so").string());
  EXPECT_NE(recorded_name(moved), recorded);
  EXPECT_EQ(identity_of(moved), identity_of(rule_of(recorded)));
  EXPECT_EQ(identity_of(find_rule("median")), "coord-median");
  EXPECT_EQ(recorded_name(find_rule("median")), "coord-median");
}

TEST(RuleFile, OfOtherContentsThanRecordedIsRefusedWithWhatToDo) {
  const std::string digest(64, 'a');
  const std::string text = refused(kMidrange + "@sha256:" + digest);
  EXPECT_THAT(text, AllOf(StartsWith("rule " + kMidrange + ": its SHA-256 is "), HasSubstr(digest),
                          HasSubstr("--mode " + kMidrange), HasSubstr("--pretrained")));
}

TEST(RuleFile, ThatIsNoneIsRefusedBeforeAnythingOfItRuns) {
  const TemporaryDirectory directory;
  const auto in = [&](const char* name) { return (directory / name).string(); };
  std::ofstream(in("text.so")) << "no library";
  std::ofstream(in("empty.so")) << "";
  EXPECT_THAT(refused(in("none.so")),
              AllOf(HasSubstr("none.so: no such file"), HasSubstr("valid")));
  EXPECT_THAT(refused(in("text.so")), HasSubstr("text.so: no rule of detoxml"));
  EXPECT_THAT(refused(in("empty.so")), HasSubstr("no rule of detoxml"));
  EXPECT_THAT(refused(directory.path().string()), HasSubstr("not a regular file"));
  EXPECT_THAT(refused(DETOX_NO_RULE), HasSubstr("no rule of detoxml"));
  EXPECT_THAT(refused(odd("kIsForeign")), HasSubstr("it has interface 9 and this program needs 1"));
}

TEST(RuleFile, ThatGivesNoWholeRuleIsRefused) {
  EXPECT_THAT(refused(odd("kHasNoFunction")), HasSubstr("its rule has no function"));
  EXPECT_THAT(refused(odd("kHasNoName")), HasSubstr("its rule has no name"));
  // Whole, but for the symbol that the table is read from.
  const TemporaryDirectory directory;
  std::string bytes(text_of(read_file(kMidrange)));
  for (std::size_t at; (at = bytes.find("detox_rule_module")) != std::string::npos;)
    bytes[at] = 'x';
  std::ofstream(directory / "nameless.so", std::ios::binary) << bytes;
  EXPECT_THAT(refused((directory / "nameless.so").string()),
              HasSubstr("it has no detox_rule_module"));
}

TEST(RuleFile, WhoseFunctionFailsOrThrowsIsAnErrorOfOneLine) {
  const auto said = [](const char* kind) {
    return refusal([&] { reduced(rule_of(odd(kind)), 3, {}); });
  };
  EXPECT_EQ(said("kFails"), "odd: its function returned 7");
  EXPECT_THAT(said("kThrows"), StartsWith("odd: its function threw: no mood"));
}

TEST(RuleFile, HasToRepeatItselfBitByBitAndWithoutNan) {
  const RuleInfo& moody = rule_of(odd("kIsMoody"));
  const std::vector<float> once = reduced(moody, 3, {}), again = reduced(moody, 3, {});
  EXPECT_THAT(refusal([&] { check_repeats(moody, once, again); }),
              StartsWith("odd: twice the same rows, and value 2 of its results is 1 and 2"));
  const std::vector<float> nan = reduced(rule_of(odd("kMakesNan")), 3, {});
  EXPECT_EQ(refusal([&] { check_repeats(moody, nan, nan); }), "odd: value 2 of its result is NaN");
  EXPECT_EQ(refusal([&] { check_repeats(moody, once, once); }), "");
  const std::vector<double> zero = {0.0}, other_zero = {-0.0};
  EXPECT_NE(refusal([&] { check_repeats(moody, zero, other_zero); }), "");
}

TEST(RuleFile, IsPlannedWithLikeOurs) {
  const auto planned = [](const std::string& mode, const std::string& inner, const char* buckets,
                          const char* liars) {
    RunConfig config;
    for (const auto& [name, text] : {std::pair<std::string, std::string>{"mode", mode},
                                     {"inner-mode", inner},
                                     {"buckets", buckets},
                                     {"approach", "baseline"},
                                     {"assume-fail", liars}})
      set_option(find_option(name), text, config);
    config = resolve(config, 0);
    return std::pair(*config.mode, make_plan(config));
  };
  const auto [mode, plan] = planned(kMidrange, "normal", "off", "4");
  EXPECT_EQ(mode, recorded_name(rule_of(kMidrange)));
  EXPECT_THAT(plan.notices.at(0), HasSubstr("trimmed-midrange over 9 pieces bears 4"));
  EXPECT_THAT(refusal([&] { planned(kMidrange, "normal", "off", "5"); }),
              AllOf(HasSubstr("trimmed-midrange needs n >= 2f + 1: n = 9, f = 5"),
                    HasSubstr("--assume-fail 4")));
  const auto inside = planned("coord-median", kMidrange, "3", "1").second;
  EXPECT_THAT(inside.notices.at(0), HasSubstr("trimmed-midrange in buckets of at least 3 pieces"));
  EXPECT_THAT(refusal([&] { planned("median", kMidrange, "off", "1"); }),
              HasSubstr("--inner-mode trimmed-midrange needs --buckets"));
}

}  // namespace
}  // namespace detox
