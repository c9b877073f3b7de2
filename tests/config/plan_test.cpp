// What follows from a configuration.
#include "config/plan.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/options.hpp"
#include "config/refusal.hpp"

namespace detox {
namespace {

using Texts = std::vector<std::pair<std::string_view, std::string_view>>;

RunConfig config_of(const Texts& options, std::size_t world = 0) {
  RunConfig config;
  for (const auto& [name, text] : options) set_option(find_option(name), text, config);
  return resolve(config, world);
}

bool has_notice(const Plan& plan, std::string_view part) {
  for (const std::string& notice : plan.notices) {
    if (notice.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(Resolve, MakesTheDefaultsASensibleRun) {
  const RunConfig config = config_of({});
  EXPECT_EQ(config.mode, "coord-median");
  EXPECT_EQ(config.workers, 9U);
  EXPECT_EQ(config.assume_fail, 1U);
  EXPECT_EQ(config.lr, 0.01);
  const Plan plan = make_plan(config);
  EXPECT_EQ(plan.k, 3U);
  EXPECT_EQ(plan.f_eff, 0U);
  EXPECT_EQ(plan.rows, 3U);
  EXPECT_TRUE(plan.random_placement);
  EXPECT_FALSE(plan.sign_codec);
}

TEST(Plan, CountsOnAsManySlicesAsAStepGoesOnWith) {
  const Plan all = make_plan(config_of({{"workers", "45"}}));
  EXPECT_EQ(all.num_aggregate, 15U);
  const Plan some = make_plan(config_of({{"workers", "45"}, {"num-aggregate", "11"}}));
  EXPECT_EQ(some.num_aggregate, 11U);
  EXPECT_EQ(some.rows, 11U);
  EXPECT_EQ(some.attack.rule_rows, 11U);
  EXPECT_TRUE(has_notice(some, "15 pieces × 3 workers, the first 11 taken, no piece can be"));
  EXPECT_TRUE(has_notice(some, "coord-median over 11 pieces (q=1 r=3 k=15 f=0 n=11)"));
}

TEST(Resolve, KnowsTheNamesOfTheOriginal) {
  for (const std::string_view name : {"draco-lite", "draco_lite", "Draco_Lite", "detox"})
    EXPECT_EQ(config_of({{"approach", name}}).approach, Approach::kDetox) << name;
  EXPECT_EQ(config_of({{"approach", "maj-vote"}}).approach, Approach::kMajVote);
  for (const std::string_view name : {"sign-sgd", "signSGD", "signsgd", "sign_sgd"})
    EXPECT_EQ(config_of({{"mode", name}}).mode, "signSGD") << name;
  EXPECT_EQ(config_of({{"err-mode", "Rev-Grad"}}).err_mode, "rev_grad");
}

TEST(Resolve, GivesTheSameConfigurationForEverySpellingAndForItself) {
  const RunConfig a = config_of({{"mode", "Multi_Krum"}, {"err-mode", "REVGRAD"}});
  const RunConfig b = config_of({{"mode", "multi-krum"}, {"err-mode", "rev_grad"}});
  EXPECT_EQ(config_digest(a, ""), config_digest(b, ""));
  EXPECT_EQ(to_toml(resolve(a, 0), "x"), to_toml(a, "x"));
}

TEST(Resolve, LetsTheApproachDecideModeAndRedundancy) {
  EXPECT_EQ(config_of({{"approach", "maj_vote"}}).mode, "normal");
  EXPECT_EQ(config_of({{"approach", "maj_vote"}, {"mode", "krum"}}).mode, "krum");
  EXPECT_EQ(config_of({{"approach", "baseline"}}).group_size, 1U);
  EXPECT_EQ(config_of({{"approach", "baseline"}}).mode, "coord-median");
}

TEST(Resolve, ChoosesTheLearningRateOfSignSgdWhicheverRuleItIs) {
  EXPECT_EQ(config_of({{"mode", "signSGD"}}).lr, 1e-4);
  EXPECT_EQ(config_of({{"mode", "signSGD"}, {"lr", "0.5"}}).lr, 0.5);
  EXPECT_EQ(config_of({{"mode", "normal"}, {"inner-mode", "sign-sgd"}, {"buckets", "3"}}).lr, 1e-4);
  EXPECT_EQ(config_of({{"mode", "normal"}, {"inner-mode", "krum"}, {"buckets", "3"}}).lr, 0.01);
}

TEST(Resolve, AssumesTheAttackersThatAreSimulatedOrWhatOneSliceCanOutvote) {
  EXPECT_EQ(config_of({{"worker-fail", "2"}}).assume_fail, 2U);
  EXPECT_EQ(config_of({{"group-size", "5"}}).assume_fail, 2U);
  EXPECT_EQ(config_of({{"group-size", "1"}}).assume_fail, 0U);
  EXPECT_EQ(config_of({{"approach", "baseline"}}).assume_fail, 0U);
  EXPECT_EQ(config_of({{"worker-fail", "2"}, {"assume-fail", "4"}}).assume_fail, 4U);
  EXPECT_EQ(config_of({{"worker-fail", "2"}, {"assume-fail", "0"}}).assume_fail, 0U);
}

TEST(Resolve, TakesTheWorkersFromMpi) {
  EXPECT_EQ(config_of({}, 45).workers, 45U);
  EXPECT_EQ(config_of({{"workers", "45"}}, 45).workers, 45U);
  EXPECT_EQ(refusal([] {
              config_of({{"workers", "44"}}, 45);
            }),
            "--workers is 44, but mpirun started 46 processes, a server and 45 workers");
}

TEST(Plan, IsThePapersCluster) {
  const Plan plan =
      make_plan(config_of({{"workers", "45"}, {"worker-fail", "5"}, {"buckets", "5"}}));
  EXPECT_EQ(plan.k, 15U);
  EXPECT_EQ(plan.q, 5U);
  EXPECT_EQ(plan.f_eff, 2U);
  EXPECT_EQ(plan.b, 5U);
  EXPECT_EQ(plan.rows, 5U);
  EXPECT_EQ(plan.attack.byzantine, 5U);
  EXPECT_EQ(plan.attack.rule_rows, 5U);
  EXPECT_EQ(plan.notices.front(),
            "survives any 5 liars among 45 workers: 15 pieces × 3 workers, at most 2 pieces can be "
            "corrupted, coord-median over 5 buckets bears 2 (q=5 r=3 k=15 f=2 n=5)");
}

TEST(Plan, NamesTheRuleThatDefendsWhereItIsTheInnerOne) {
  // The original's D-Multi-Krum: 15 slices in two buckets of 8 and 7.
  const Plan plan = make_plan(config_of({{"workers", "45"},
                                         {"worker-fail", "5"},
                                         {"inner-mode", "multi-krum"},
                                         {"buckets", "2"},
                                         {"mode", "normal"}}));
  EXPECT_EQ(plan.rows, 7U);
  EXPECT_EQ(plan.notices.front(),
            "survives any 5 liars among 45 workers: 15 pieces × 3 workers, at most 2 pieces can be "
            "corrupted, multi-krum in buckets of at least 7 pieces bears 2, then normal over 2 "
            "buckets (q=5 r=3 k=15 f=2 n=7)");
}

TEST(Plan, SaysInItsFirstLineWhatItSurvives) {
  const auto line = [](const Texts& options) { return make_plan(config_of(options)).notices[0]; };
  EXPECT_EQ(line({}),
            "survives any 1 liar among 9 workers: 3 pieces × 3 workers, no piece can be corrupted, "
            "coord-median over 3 pieces (q=1 r=3 k=3 f=0 n=3)");
  EXPECT_EQ(line({{"workers", "11"}}),
            "survives any 1 liar among 11 workers: 3 pieces × 3 workers or 4, no piece can be "
            "corrupted, coord-median over 3 pieces (q=1 r=3 k=3 f=0 n=3)");
  EXPECT_EQ(line({{"approach", "baseline"}, {"worker-fail", "2"}, {"pre", "nnm"}}),
            "survives any 2 liars among 9 workers: 9 pieces × 1 worker, at most 2 pieces can be "
            "corrupted, nnm and coord-median over 9 pieces bears 2 (q=2 r=1 k=9 f=2 n=9)");
  EXPECT_EQ(line({{"approach", "baseline"}}),
            "is built for no liar among 9 workers: 9 pieces × 1 worker, no piece can be corrupted, "
            "coord-median over 9 pieces (q=0 r=1 k=9 f=0 n=9)");
  EXPECT_EQ(line({{"approach", "maj_vote"}, {"worker-fail", "2"}}),
            "does not survive 2 liars among 9 workers: 3 pieces × 3 workers, at most 1 piece can "
            "be corrupted, normal over 3 pieces, a mean, bears none (q=2 r=3 k=3 f=1 n=3)");
}

TEST(Plan, SpreadsWorkersThatAreNoMultipleOfTheGroupSize) {
  const Plan plan = make_plan(config_of({{"workers", "11"}}));
  EXPECT_EQ(plan.k, 3U);
  EXPECT_EQ(plan.workers, 11U);
}

TEST(Plan, SendsSignBitsUnderSignSgdAlone) {
  EXPECT_TRUE(make_plan(config_of({{"mode", "sign-sgd"}})).sign_codec);
  EXPECT_TRUE(make_plan(config_of({{"mode", "sign-sgd"}})).hierarchy.rule.rows_are_signs);
  EXPECT_FALSE(make_plan(config_of({{"mode", "krum"}})).sign_codec);
}

TEST(Plan, GivesAnAttackItsOwnStandardUnlessTheUserSaysOtherwise) {
  for (const auto& [attack, c] : {std::pair{"rev_grad", -100.0},
                                  {"ipm", -2.0},
                                  {"gaussian", 1.0},
                                  {"mimic", 0.0},
                                  {"straggler", 1.0},
                                  {"nan", 0.0}}) {
    RunConfig config;
    set_option(find_option("err-mode"), attack, config);
    const RunConfig resolved = resolve(config, 0);
    EXPECT_EQ(make_plan(resolved).attack.options.adversarial, c) << attack;
    // What a run writes must not pin one attack's c on another.
    EXPECT_EQ(option_text(find_option("adversarial"), resolved), "auto") << attack;
  }
}

TEST(Plan, OfOneAttackUnderTwoNamesIsTheSame) {
  const RunConfig one = config_of({{"worker-fail", "1"}, {"err-mode", "alie"}});
  const RunConfig other = config_of({{"worker-fail", "1"}, {"lis-simulation", "simulate"}});
  EXPECT_EQ(to_toml(one, ""), to_toml(other, ""));
  EXPECT_EQ(config_digest(one, ""), config_digest(other, ""));
  EXPECT_EQ(make_plan(one).attack.attack, "alie");
  EXPECT_EQ(make_plan(one).notices, make_plan(other).notices);
}

TEST(Plan, CarriesTheAttackToTheWorkers) {
  const Plan plan = make_plan(config_of({{"workers", "45"},
                                         {"worker-fail", "5"},
                                         {"lis-simulation", "simulate"},
                                         {"alie-sign", "plus"},
                                         {"alie-ddof", "0"},
                                         {"alie-z", "1.5"},
                                         {"fail-schedule", "worst-case"},
                                         {"attack-statistics", "off"}}));
  EXPECT_EQ(plan.attack.attack, "alie");
  EXPECT_EQ(plan.attack.options.alie_z, 1.5);
  EXPECT_EQ(plan.attack.options.alie_sign, 1.0);
  EXPECT_EQ(plan.attack.options.alie_ddof, 0U);
  EXPECT_EQ(plan.attack.schedule, FailSchedule::kWorstCase);
  EXPECT_FALSE(plan.attack.statistics);
}

TEST(Plan, WarnsWhereTheDefenceCannotHoldWhatIsAskedOfIt) {
  EXPECT_TRUE(has_notice(make_plan(config_of({{"approach", "maj_vote"}, {"worker-fail", "2"}})),
                         "warning: the mean defends against no corrupt slice"));
  EXPECT_TRUE(has_notice(
      make_plan(config_of({{"workers", "45"}, {"worker-fail", "5"}, {"assume-fail", "2"}})),
      "warning: 5 Byzantine workers are simulated, the defence is built for q=2"));
  EXPECT_TRUE(has_notice(make_plan(config_of({{"workers", "27"},
                                              {"worker-fail", "1"},
                                              {"lis-simulation", "simulate"},
                                              {"alie-z", "auto"}})),
                         "warning: --alie-z auto is -0.1397 with 0 of n=9 rows corrupt"));
  for (const std::string& notice : make_plan(config_of({})).notices)
    EXPECT_EQ(notice.find("warning"), std::string::npos) << notice;
}

Plan alie_plan(const Texts& options) {
  RunConfig config = config_of(options);
  config.lis_simulation = LisSimulation::kSimulate;
  config.alie_z.reset();
  return make_plan(config);
}

TEST(Plan, GivesAlieTheRowsOfTheRuleThatDefends) {
  const Plan plan = alie_plan({{"workers", "45"},
                               {"worker-fail", "5"},
                               {"inner-mode", "multi-krum"},
                               {"buckets", "2"},
                               {"mode", "normal"}});
  EXPECT_EQ(plan.attack.rule_rows, 7U);
  // By hand: n = 7, m = 2, s = 4 - 2: the quantile of (5 - 2) / 5; m = 1: of (6 - 3) / 6.
  EXPECT_TRUE(has_notice(plan, "--alie-z auto is 0.0000 with 1 and 0.2533 with 2 of n=7 rows"));
}

TEST(Plan, SaysInOneShortLineWhatAlieCanAfford) {
  const Plan plan = alie_plan({{"workers", "3000"}, {"worker-fail", "900"}, {"mode", "normal"}});
  ASSERT_EQ(plan.f_eff, 450U);
  EXPECT_TRUE(has_notice(plan, "with 1 and 1.3241 with 450 of n=1000 rows corrupt"));
  for (const std::string& notice : plan.notices) EXPECT_LT(notice.size(), 200U) << notice;
}

TEST(Plan, SaysApartWhereTheAttackersLeaveNoHonestRow) {
  // Two buckets, and six slices that the attackers can own.
  const Plan plan =
      alie_plan({{"workers", "45"}, {"worker-fail", "12"}, {"buckets", "2"}, {"mode", "normal"}});
  EXPECT_TRUE(has_notice(plan, "where the attackers own all of n=2 rows, no honest row is left"));
  EXPECT_TRUE(has_notice(plan, "--alie-z auto is 0.0000 with 1 of n=2 rows corrupt"));
  EXPECT_FALSE(has_notice(alie_plan({{"workers", "45"}, {"worker-fail", "5"}, {"buckets", "5"}}),
                          "no honest row"));
}

TEST(Plan, CostsNextToNothingForTheMostWorkers) {
  const Plan plan = make_plan(config_of({{"workers", "65535"},
                                         {"approach", "baseline"},
                                         {"assume-fail", "32767"},
                                         {"batch-size", "268435456"}}));
  EXPECT_EQ(plan.k, 65535U);
  EXPECT_EQ(plan.f_eff, 32767U);
}

}  // namespace
}  // namespace detox
