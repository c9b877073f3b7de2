// Combinations that cannot work are refused before any training, with the inequality and values.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mistakes.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "config/refusal.hpp"

namespace detox {
namespace {

using Texts = std::vector<std::pair<std::string_view, std::string_view>>;

std::string refused(const Texts& options) {
  return refusal([&] {
    RunConfig config;
    for (const auto& [name, text] : options) set_option(find_option(name), text, config);
    const RunConfig resolved = resolve(config, 0);
    samples_per_step(resolved, make_plan(resolved));
  });
}

struct Refused {
  Texts options;
  std::string_view text;
};

TEST(Plan, RefusesToReadmitWhoIsNoWorker) {
  for (const char* text : {"0", "10", ",3", "x", "3-4"}) {
    EXPECT_EQ(refused({{"approach", "audit"}, {"readmit", text}}),
              fmt::format("--readmit is '{}'; valid: workers 1 to 9, e.g. 3 or 3,7", text));
  }
}

TEST(Plan, TellsAllThatIsWrongAtOnce) {
  const auto all = [](const Texts& options) {
    RunConfig config;
    for (const auto& [name, text] : options) set_option(find_option(name), text, config);
    try {
      make_plan(resolve(config, 0));
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(all({{"lr", "-1"}, {"momentum", "1"}, {"batch-size", "0"}}),
            "--lr is -1; valid: 1.4e-45 to 3.4e38, a float32 above 0\n"
            "--momentum is 1; valid: from 0 up to, not including, 1 as float32\n"
            "--batch-size is 0; valid: from 1");
  EXPECT_EQ(
      all({{"group-size", "4"}, {"worker-fail", "9"}}),
      "--group-size is 4; valid: odd numbers, so that a vote cannot tie, or any with --arbiter "
      "server, which decides\n"
      "--worker-fail is 9, but must be less than P: P = 9");
  RunConfig config;
  for (const auto& [name, text] : Texts{{"inner-mode", "nromal"}, {"mode", "krumm"}, {"seed", "1"}})
    set_option(find_option(name), text, config);
  config.lr = 0;
  Mistakes mistakes;
  check_values(config, mistakes);
  EXPECT_EQ(std::ranges::count(mistakes.text(), '\n'), 2);
}

TEST(Plan, RefusesGroupsThatCannotVote) {
  for (const auto& [options, text] : std::vector<Refused>{
           {{{"group-size", "2"}},
            "--group-size is 2; valid: odd numbers, so that a vote cannot tie, or any with "
            "--arbiter server, which decides"},
           {{{"group-size", "0"}},
            "--group-size is 0; valid: odd numbers, so that a vote cannot tie"},
           {{{"group-size", "11"}}, "--group-size r = 11 needs P >= r workers: P = 9"},
           {{{"workers", "0"}}, "--workers is 0; valid: 1 to 65535"},
           {{{"workers", "65536"}}, "--workers is 65536; valid: 1 to 65535"}}) {
    EXPECT_EQ(refused(options), text);
  }
}

TEST(Plan, RefusesAsManyAttackersAsWorkers) {
  EXPECT_EQ(refused({{"worker-fail", "9"}}), "--worker-fail is 9, but must be less than P: P = 9");
  EXPECT_EQ(refused({{"assume-fail", "12"}}),
            "--assume-fail is 12, but must be less than P: P = 9");
}

TEST(Plan, RefusesRulesThatNeedMoreRowsWithTheInequalityAndTheValues) {
  EXPECT_EQ(refused({{"mode", "krum"}, {"worker-fail", "2"}}),
            "this defence cannot hold: krum needs n >= 2f + 3: n = 3, f = 1 (P = 9, r = 3, k = 3, "
            "q = 2, f_eff = 1); one of these helps: --assume-fail 1, --workers 15 (launch -n 16), "
            "--mode coord-median or trimmed-mean or geometric-median");
  EXPECT_EQ(refused({{"mode", "bulyan"}, {"workers", "45"}, {"worker-fail", "8"}}),
            "this defence cannot hold: bulyan needs n >= 4f + 3: n = 15, f = 4 (P = 45, r = 3, k = "
            "15, q = 8, f_eff = 4); one of these helps: --assume-fail 7, --workers 57 (launch "
            "-n 58), --mode coord-median or trimmed-mean or geometric-median or multi-krum or "
            "krum");
  EXPECT_EQ(refused({{"workers", "45"}, {"worker-fail", "5"}, {"buckets", "4"}}),
            "this defence cannot hold: coord-median needs n >= 2f + 1: n = 4, f = 2 (4 buckets) (P "
            "= 45, r = 3, k = 15, q = 5, f_eff = 2, b = 4); one of these helps: --assume-fail 3, "
            "--buckets "
            "5");
  EXPECT_NE(refused({{"workers", "45"},
                     {"worker-fail", "5"},
                     {"buckets", "3"},
                     {"inner-mode", "multi-krum"},
                     {"mode", "normal"}}),
            "");
  for (const std::string_view mode : {"coord-median", "trimmed-mean", "geometric-median", "signSGD",
                                      "krum", "multi-krum", "bulyan"}) {
    EXPECT_NE(refused({{"mode", mode}, {"approach", "baseline"}, {"worker-fail", "5"}}), "")
        << mode;
  }
}

TEST(Plan, AcceptsExactlyTheRowsThatARuleNeeds) {
  const auto baseline = [](std::string_view mode, std::string_view workers) {
    return refused(
        {{"mode", mode}, {"approach", "baseline"}, {"worker-fail", "2"}, {"workers", workers}});
  };
  for (const auto& [mode, least, one_less] : {std::tuple{"coord-median", "5", "4"},
                                              {"krum", "7", "6"},
                                              {"multi-krum", "7", "6"},
                                              {"bulyan", "11", "10"},
                                              {"trimmed-mean", "5", "4"},
                                              {"signSGD", "5", "4"},
                                              {"geometric-median", "5", "4"}}) {
    EXPECT_EQ(baseline(mode, least), "") << mode;
    EXPECT_NE(baseline(mode, one_less), "") << mode;
  }
  EXPECT_EQ(baseline("normal", "3"), "");
}

TEST(Plan, RefusesBucketsThatCannotBeFilled) {
  EXPECT_EQ(refused({{"buckets", "4"}}), "--buckets b = 4 needs b <= k slices: k = 3");
  EXPECT_EQ(refused({{"approach", "maj_vote"}, {"buckets", "2"}}),
            "--approach maj_vote has no buckets; use detox");
  EXPECT_EQ(refused({{"inner-mode", "krum"}}), "--inner-mode krum needs --buckets");
}

TEST(Plan, RefusesToGoOnWithFewerSlicesThanTheDefenceNeeds) {
  EXPECT_EQ(refused({{"num-aggregate", "4"}}), "--num-aggregate K = 4 needs K <= k slices: k = 3");
  EXPECT_EQ(refused({{"num-aggregate", "3"}}), "");
  EXPECT_EQ(refused({{"num-aggregate", "1"}}), "");
  EXPECT_EQ(
      refused({{"num-aggregate", "2"}, {"assume-fail", "2"}}),
      "this defence cannot hold: coord-median needs n >= 2f + 1: n = 2, f = 1 (P = 9, r = 3, "
      "k = 3, q = 2, f_eff = 1, K = 2); one of these helps: --assume-fail 1, --num-aggregate 3");
  const Texts cluster = {{"workers", "45"}, {"worker-fail", "5"}};
  const auto with = [&](Texts more) {
    more.insert(more.end(), cluster.begin(), cluster.end());
    return refused(more);
  };
  EXPECT_EQ(with({{"num-aggregate", "4"}, {"buckets", "5"}}),
            "--buckets b = 5 needs b <= K slices: --num-aggregate K = 4");
  EXPECT_EQ(with({{"num-aggregate", "5"}, {"buckets", "5"}}), "");
  // The smallest of 2 buckets of 13 rows has 6: krum needs 7 where f = 2.
  const Texts inner = {{"inner-mode", "krum"}, {"buckets", "2"}, {"mode", "normal"}};
  Texts few = inner, enough = inner;
  few.emplace_back("num-aggregate", "13");
  enough.emplace_back("num-aggregate", "14");
  EXPECT_NE(with(few).find("krum needs n >= 2f + 3: n = 6, f = 2"), std::string::npos);
  EXPECT_EQ(with(enough), "");
}

TEST(Plan, RefusesToGoOnWithoutASliceThatIsTrusted) {
  const Texts monna = {{"mode", "monna"}, {"assume-fail", "0"}};
  Texts some = monna;
  some.emplace_back("num-aggregate", "2");
  EXPECT_EQ(refused(monna), "");
  EXPECT_EQ(refused(some),
            "--num-aggregate K = 2: any K of the k = 3 slices may be first: monna trusts slice 0, "
            "and that or one before it is not resolved");
}

TEST(Plan, RefusesWeightsThatAnyOfTheFirstSlicesWouldBreak) {
  // Slices of 2, 1, 1, 1, 1 and 1 samples: the first with another has 3 of 6 of these five.
  const Texts options = {{"approach", "baseline"},
                         {"workers", "6"},
                         {"assume-fail", "2"},
                         {"global-batch", "7"},
                         {"weights", "samples"}};
  Texts five = options;
  five.emplace_back("num-aggregate", "5");
  EXPECT_EQ(refused(options), "");
  EXPECT_NE(refused(five).find("--weights samples: "), std::string::npos);
}

TEST(Plan, RefusesRedundancyForTheApproachThatHasNone) {
  EXPECT_EQ(refused({{"approach", "baseline"}, {"group-size", "5"}}),
            "--approach baseline has no redundancy (r = 1), but --group-size is 5; valid: 1, or "
            "--approach detox");
  EXPECT_EQ(refused({{"approach", "baseline"}, {"group-size", "1"}}), "");
}

TEST(Plan, RefusesToSelectMoreRowsThanAreTrusted) {
  EXPECT_NE(
      refused(
          {{"mode", "multi-krum"}, {"workers", "45"}, {"worker-fail", "5"}, {"krum-select", "14"}})
          .find("krum-select = 14, n = 15, f = 2"),
      std::string::npos);
  EXPECT_EQ(
      refused(
          {{"mode", "multi-krum"}, {"workers", "45"}, {"worker-fail", "5"}, {"krum-select", "13"}}),
      "");
}

TEST(Plan, RefusesAGlobalBatchThatLeavesSlicesEmpty) {
  EXPECT_EQ(refused({{"global-batch", "2"}}),
            "--global-batch 2 leaves slices empty: it must be at least k = 3");
  EXPECT_EQ(refused({{"global-batch", "3"}}), "");
}

TEST(Plan, RefusesUnknownNamesWithTheNearest) {
  for (const auto& [option, text, nearest] : {std::tuple{"mode", "mutli-krum", "multi-krum"},
                                              {"inner-mode", "nromal", "normal"},
                                              {"approach", "detx", "detox"},
                                              {"err-mode", "rev_gard", "rev_grad"}}) {
    const std::string message = refused({{option, text}});
    EXPECT_NE(message.find(fmt::format("'{}' (did you mean {}?); valid: ", text, nearest)),
              std::string::npos)
        << message;
  }
}

TEST(Plan, RefusesValuesOutOfRange) {
  for (const auto& [option, text] : Texts{{"lr", "0"},
                                          {"lr", "-1"},
                                          {"momentum", "1"},
                                          {"momentum", "-0.1"},
                                          {"weight-decay", "-1"},
                                          {"tolerance", "0"},
                                          {"tolerance", "1"},
                                          {"clip-radius", "0"},
                                          {"clip-radius", "inf"},
                                          {"clip-rounds", "0"},
                                          {"clip-rounds", "1001"},
                                          {"weight-cap", "0.5"},
                                          {"lr-gamma", "0"},
                                          {"lr-gamma", "1.5"},
                                          {"lr-step-size", "0"},
                                          {"step-timeout", "0"},
                                          {"start-timeout", "-1"},
                                          {"batch-size", "0"},
                                          {"batch-size", "18446744073709551615"},
                                          {"global-batch", "18446744073709551615"},
                                          {"max-steps", "0"},
                                          {"max-skipped", "0"},
                                          {"threads", "1025"}}) {
    const std::string message = refused({{option, text}});
    EXPECT_TRUE(message.starts_with(fmt::format("--{} is ", option))) << option << message;
    EXPECT_NE(message.find("; valid: "), std::string::npos) << message;
  }
  EXPECT_EQ(refused({{"nesterov", "on"}, {"momentum", "0"}}),
            "--nesterov needs --momentum above 0");
}

TEST(Plan, RefusesSlicesRowsAndStepsThatAreNotThere) {
  for (const auto& [options, text] : std::vector<Refused>{
           {{{"worker-fail", "1"}, {"err-mode", "mimic"}, {"adversarial", "3"}},
            "--err-mode mimic: --adversarial is 3; valid: a slice, 0 to 2"},
           {{{"worker-fail", "1"}, {"err-mode", "mimic"}, {"adversarial", "0.5"}},
            "--err-mode mimic: --adversarial is 0.5; valid: a slice, 0 to 2"},
           {{{"worker-fail", "1"}, {"err-mode", "straggler"}, {"adversarial", "-1"}},
            "--err-mode straggler: --adversarial is -1; valid: 0 to 1000000 seconds"},
           {{{"worker-fail", "1"}, {"err-mode", "straggler"}, {"adversarial", "2e6"}},
            "--err-mode straggler: --adversarial is 2000000; valid: 0 to 1000000 seconds"},
           {{{"mode", "monna"}, {"buckets", "2"}},
            "this defence cannot hold: monna trusts one row, and buckets leave "
            "none by itself (P = 9, "
            "r = 3, k = 3, q = 1, f_eff = 0, b = 2); one of these helps: --buckets off, --mode "
            "coord-median "
            "or trimmed-mean or geometric-median"},
           {{{"mode", "monna"}, {"pre", "bucketing"}},
            "this defence cannot hold: monna trusts one row, and bucketing leaves "
            "none by itself (P = "
            "9, r = 3, k = 3, q = 1, f_eff = 0); one of these helps: --mode coord-median or "
            "trimmed-mean or geometric-median"},
           {{{"pre", "nmn"}},
            "unknown pre-aggregation 'nmn' (did you mean nnm?); valid: arc, "
            "bucketing, clipping, nnm"}}) {
    EXPECT_EQ(refused(options), text);
  }
}

TEST(Plan, RefusesWeightsThatItsRulesDoNotTake) {
  const std::string takers =
      "valid: centered-clipping, coord-median, geometric-median, normal, trimmed-mean";
  EXPECT_EQ(refused({{"weights", "samples"}, {"mode", "meamed"}}),
            "--weights samples: meamed takes no weights; " + takers);
  EXPECT_EQ(refused({{"weights", "samples"}, {"mode", "signSGD"}}),
            "--weights samples: signSGD takes no weights; " + takers);
  EXPECT_EQ(refused({{"weights", "samples"}, {"pre", "nnm"}}),
            "--weights samples: weights are those of rows, and nnm leaves none by itself; valid: "
            "pre none");
  EXPECT_EQ(refused({{"weights", "samples"}, {"buckets", "3"}}),
            "--weights samples are those of slices, and buckets leave none by itself; valid: "
            "--buckets off");
  EXPECT_EQ(refused({{"weights", "samples"}, {"semantics", "byzfl"}}),
            "--weights samples: byzfl and byzpy define no weights; valid: semantics paper");
  // Slices of 2 and of 1 sample, of which f = 2 of 5 can have four sevenths.
  EXPECT_EQ(
      refused({{"weights", "samples"},
               {"workers", "5"},
               {"approach", "baseline"},
               {"assume-fail", "2"},
               {"global-batch", "7"}}),
      "--weights samples: coord-median needs less than half of the weight in the f rows that "
      "have most: f = 2, their part is 0.5714 (n = 5; weight-cap below n/(2f) = 1.25 prevents "
      "it)");
}

TEST(Plan, RefusesNumbersThatFloat32DoesNotHold) {
  for (const auto& [options, text] : std::vector<Refused>{
           {{{"lr", "1e39"}}, "--lr is 1e+39; valid: 1.4e-45 to 3.4e38, a float32 above 0"},
           {{{"lr", "1e-60"}}, "--lr is 1e-60; valid: 1.4e-45 to 3.4e38, a float32 above 0"},
           {{{"momentum", "0.999999999"}},
            "--momentum is 0.999999999; valid: from 0 up to, not including, 1 as float32"},
           {{{"weight-decay", "1e300"}}, "--weight-decay is 1e+300; valid: 0 to 3.4e38, a float32"},
           {{{"adversarial", "1e300"}},
            "--adversarial is 1e+300; valid: -3.4e38 to 3.4e38, a float32"},
           {{{"adversarial", "-1e39"}},
            "--adversarial is -1e+39; valid: -3.4e38 to 3.4e38, a float32"}}) {
    EXPECT_EQ(refused(options), text);
  }
  EXPECT_EQ(refused({{"lr", "1e-45"}, {"weight-decay", "3.4e38"}, {"adversarial", "-3.4e38"}}), "");
}

TEST(Plan, RefusesOccasionsThatLiarsNeverHave) {
  EXPECT_EQ(refused({{"worker-fail", "2"}, {"lie-when", "safe"}}),
            "--lie-when safe: a slice gets 3 copies or more, and --worker-fail 2 is fewer liars: "
            "they would never lie; valid: --worker-fail from 3");
  EXPECT_EQ(refused({{"worker-fail", "2"}, {"lie-when", "safe"}, {"lazy", "on"}}), "");
  EXPECT_EQ(refused({{"worker-fail", "1"}, {"lie-when", "safe"}, {"lazy", "on"}}),
            "--lie-when safe: a slice gets 2 copies or more, and --worker-fail 1 is fewer liars: "
            "they would never lie; valid: --worker-fail from 2");
  const Texts second = {{"worker-fail", "1"}, {"lie-when", "second"}, {"approach", "baseline"}};
  EXPECT_EQ(refused(second),
            "--lie-when second: each slice has one copy (r = 1); valid: always, or --group-size 3 "
            "or more");
  EXPECT_EQ(refused({{"worker-fail", "0"}, {"lie-when", "second"}, {"approach", "baseline"}}), "");
  EXPECT_EQ(refused({{"worker-fail", "1"}, {"lie-when", "second"}}), "");
  for (const char* rate : {"-0.1", "1.5"}) {
    EXPECT_EQ(refused({{"lie-rate", rate}}), fmt::format("--lie-rate is {}; valid: 0 to 1", rate));
    EXPECT_EQ(refused({{"silent-rate", rate}}),
              fmt::format("--silent-rate is {}; valid: 0 to 1", rate));
  }
}

}  // namespace
}  // namespace detox
