// What a run says about options that nothing reads.
#include "config/notices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/words.hpp"
#include "config/options.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Texts = std::vector<std::pair<std::string_view, std::string_view>>;

std::vector<std::string> without_effect(const Texts& options) {
  RunConfig config;
  for (const auto& [name, text] : options) set_option(find_option(name), text, config);
  std::vector<std::string> lines = make_plan(resolve(config, 0)).notices;
  std::erase_if(lines, [](const std::string& line) { return !line.starts_with("without effect"); });
  return lines;
}

TEST(Notices, NameOptionsOfARuleThatIsNotThere) {
  EXPECT_THAT(without_effect({{"mode", "krum"}, {"krum-select", "1000"}, {"workers", "45"}}),
              ElementsAre("without effect: --krum-select 1000 (no rule is multi-krum)"));
  EXPECT_THAT(without_effect({{"bulyan-variant", "detox"}, {"tolerance", "0.001"}}),
              ElementsAre("without effect: --bulyan-variant detox (no rule is bulyan)",
                          "without effect: --tolerance 0.001 (no rule is geometric-median)"));
  EXPECT_THAT(without_effect({{"mode", "normal"},
                              {"inner-mode", "multi-krum"},
                              {"workers", "45"},
                              {"buckets", "2"},
                              {"krum-select", "3"}}),
              IsEmpty());
}

TEST(Notices, NameWhatNobodyCanBeReadmittedFrom) {
  EXPECT_THAT(without_effect({{"readmit", "3"}}),
              ElementsAre("without effect: --readmit 3 (there is no --arbiter)"));
}

TEST(Notices, NameTheSemanticsWhereTheyChangeNoRule) {
  EXPECT_THAT(
      without_effect({{"semantics", "byzfl"}}),
      ElementsAre("without effect: --semantics byzfl (no rule has another definition there)"));
  EXPECT_THAT(without_effect({{"semantics", "byzpy"}}), IsEmpty());
  EXPECT_THAT(
      without_effect({{"mode", "geometric-median"}, {"semantics", "byzfl"}, {"tolerance", "0.1"}}),
      ElementsAre("without effect: --tolerance 0.1 (--semantics byzfl has its own)"));
}

TEST(Notices, NameWeightsOfSlicesThatAreAllAsLarge) {
  EXPECT_THAT(without_effect({{"weights", "samples"}}),
              ElementsAre("without effect: --weights samples (all slices have as many samples)"));
  EXPECT_THAT(
      without_effect({{"weights", "samples"}, {"global-batch", "100"}, {"weight-cap", "3"}}),
      IsEmpty());
  EXPECT_THAT(without_effect({{"weight-cap", "3"}}),
              ElementsAre("without effect: --weight-cap 3 (--weights is off)"));
}

TEST(Notices, NameOptionsOfAnAttackThatDoesNotTakePlace) {
  EXPECT_THAT(without_effect({{"err-mode", "constant"}, {"adversarial", "-1"}, {"alie-z", "auto"}}),
              ElementsAre("without effect: --err-mode constant, --adversarial -1, --alie-z auto "
                          "(--worker-fail is 0)"));
  EXPECT_THAT(without_effect(
                  {{"worker-fail", "1"}, {"err-mode", "constant"}, {"lis-simulation", "simulate"}}),
              ElementsAre("without effect: --err-mode constant (the attack is alie)"));
  EXPECT_THAT(without_effect({{"worker-fail", "1"}, {"alie-z", "2"}}),
              ElementsAre("without effect: --alie-z 2 (the attack is not alie)"));
  EXPECT_THAT(without_effect({{"worker-fail", "1"}, {"err-mode", "none"}, {"adversarial", "3"}}),
              ElementsAre("without effect: --adversarial 3 (--err-mode is none)"));
  EXPECT_THAT(without_effect({{"worker-fail", "1"}, {"err-mode", "nan"}, {"adversarial", "3"}}),
              ElementsAre("without effect: --adversarial 3 (--err-mode is nan)"));
  EXPECT_THAT(without_effect({{"worker-fail", "1"}, {"err-mode", "ipm"}, {"adversarial", "3"}}),
              ElementsAre());
  EXPECT_THAT(without_effect({{"lie-rate", "0.5"}, {"lie-when", "first"}, {"silent-rate", "0.1"}}),
              ElementsAre("without effect: --lie-rate 0.5, --lie-when first, --silent-rate 0.1 "
                          "(--worker-fail is 0)"));
  EXPECT_THAT(without_effect({{"worker-fail", "1"},
                              {"err-mode", "none"},
                              {"lie-rate", "0.5"},
                              {"silent-rate", "0.1"}}),
              ElementsAre("without effect: --lie-rate 0.5 (--err-mode is none)"));
  EXPECT_THAT(
      without_effect({{"worker-fail", "1"}, {"approach", "baseline"}, {"lie-when", "first"}}),
      ElementsAre("without effect: --lie-when first (each slice has one copy)"));
}

TEST(Notices, NameOptionsOfTheOptimizerThatAnotherOneReplaces) {
  EXPECT_THAT(without_effect({{"global-batch", "36"}, {"batch-size", "8"}}),
              ElementsAre("without effect: --batch-size 8 (--global-batch takes its place)"));
  EXPECT_THAT(without_effect({{"lr-gamma", "0.5"}, {"lr-schedule", "cosine"}}),
              ElementsAre("without effect: --lr-gamma 0.5 (--lr-schedule is not step)"));
}

TEST(Notices, WarnOfNearestNeighboursWhereAllRowsAreNeighbours) {
  RunConfig config;
  set_option(find_option("pre"), "nnm", config);
  EXPECT_THAT(make_plan(resolve(config, 0)).notices,
              testing::Contains(testing::HasSubstr("nnm makes every row the mean of all")));
  set_option(find_option("workers"), "45", config);
  set_option(find_option("assume-fail"), "5", config);
  EXPECT_THAT(make_plan(resolve(config, 0)).notices,
              testing::Not(testing::Contains(testing::HasSubstr("makes every row"))));
}

TEST(Notices, SayHowLongTheServerWaitsForAttackersWhoMissItsDeadline) {
  const auto waits = [](const Texts& options) {
    RunConfig config;
    for (const auto& [name, text] : options) set_option(find_option(name), text, config);
    std::vector<std::string> lines = make_plan(resolve(config, 0)).notices;
    std::erase_if(lines, [](const std::string& line) { return !line.starts_with("--err-mode"); });
    return lines;
  };
  EXPECT_THAT(
      waits({{"worker-fail", "1"}, {"err-mode", "crash"}, {"step-timeout", "5"}}),
      ElementsAre("--err-mode crash: under MPI the server waits for them until its deadline, "
                  "5 s (--step-timeout) or 10 median steps, in the first step 600 s "
                  "(--start-timeout)"));
  EXPECT_EQ(waits({{"worker-fail", "1"}, {"err-mode", "straggler"}, {"adversarial", "61"}}).size(),
            1U);
  EXPECT_THAT(waits({{"worker-fail", "1"}, {"err-mode", "straggler"}}), IsEmpty());
  EXPECT_THAT(waits({{"err-mode", "crash"}}), IsEmpty());
  EXPECT_THAT(waits({{"worker-fail", "1"}}), IsEmpty());
}

TEST(Notices, SayThatBrokenMachinesStayBrokenWhereOthersWouldLieInEachStep) {
  const auto said = [](const Texts& options) {
    RunConfig config;
    config.worker_fail = 1;
    for (const auto& [name, text] : options) set_option(find_option(name), text, config);
    const Plan plan = make_plan(resolve(config, 0));
    return std::pair(plan.attack.schedule,
                     std::ranges::count_if(plan.notices, [](const std::string& line) {
                       return line.starts_with("--err-mode sdc: broken machines stay broken");
                     }));
  };
  const auto [fixed, worst_case] = std::pair(FailSchedule::kFixed, FailSchedule::kWorstCase);
  EXPECT_EQ(said({{"err-mode", "sdc"}}), std::pair(fixed, 1L));
  EXPECT_EQ(said({{"err-mode", "sdc"}, {"fail-schedule", "per-step"}}), std::pair(fixed, 1L));
  EXPECT_EQ(said({{"err-mode", "sdc"}, {"fail-schedule", "fixed"}}), std::pair(fixed, 0L));
  EXPECT_EQ(said({{"err-mode", "sdc"}, {"fail-schedule", "worst-case"}}),
            std::pair(worst_case, 0L));
  EXPECT_EQ(said({{"err-mode", "sdc"}, {"approach", "audit"}}), std::pair(fixed, 0L));
  EXPECT_EQ(said({{"fail-schedule", "per-step"}}), std::pair(FailSchedule::kPerStep, 0L));
}

TEST(BrokenMachines, ArePutOutAsThoseWhoStayAre) {
  for (const auto& [attack, is_put_out] : {std::pair("sdc", true), std::pair("rev_grad", false)}) {
    RunConfig config;
    config.worker_fail = 1;
    config.approach = Approach::kAudit;
    config.err_mode = attack;
    config.fail_schedule = FailSchedule::kPerStep;
    const Plan plan = make_plan(resolve(config, 0));
    EXPECT_EQ(plan.arbitrated->evict_after, is_put_out ? 1U : 0U) << attack;
  }
}

TEST(Notices, NameOptionsWithoutEffectOnTheEngineOrTheNetwork) {
  RunConfig config;
  const auto run_notices = [&config](bool over_mpi, bool has_statistics) {
    const RunConfig resolved = resolve(config, 0);
    return detox::run_notices(resolved, make_plan(resolved), over_mpi, has_statistics);
  };
  EXPECT_THAT(run_notices(false, true), IsEmpty());
  set_option(find_option("vote"), "bytes", config);
  set_option(find_option("comm-type"), "Async", config);
  set_option(find_option("compute-every-replica"), "on", config);
  set_option(find_option("attack-statistics"), "off", config);
  EXPECT_THAT(run_notices(false, false),
              ElementsAre("without effect: --vote bytes, --comm-type Async (in one process nothing "
                          "is sent)"));
  config.worker_fail = 1;
  EXPECT_THAT(
      run_notices(true, false),
      ElementsAre("without effect: --compute-every-replica on (over MPI every replica computes)",
                  "without effect: --attack-statistics off (the network has no batch norm)"));
  EXPECT_EQ(run_notices(true, true).size(), 1U);
}

TEST(Notices, NameTimeoutsWhereNobodyIsWaitedFor) {
  const auto lines = [](const Texts& options, bool over_mpi) {
    RunConfig config;
    for (const auto& [name, text] : options) set_option(find_option(name), text, config);
    config = resolve(config, 0);
    return run_notices(config, make_plan(config), over_mpi, true);
  };
  const Texts timeouts = {{"step-timeout", "4"}, {"start-timeout", "5"}};
  EXPECT_THAT(lines(timeouts, true), IsEmpty());
  EXPECT_THAT(
      lines(timeouts, false),
      ElementsAre("without effect: --step-timeout 4 (in one process nobody is waited for)",
                  "without effect: --start-timeout 5 (in one process nobody is waited for)"));
  EXPECT_THAT(
      lines({{"step-timeout", "4"}, {"worker-fail", "1"}, {"err-mode", "straggler"}}, false),
      IsEmpty());
}

TEST(Notices, TellWhatWasTakenInAnotherWay) {
  RunConfig config;
  config.remarks = {"one", "two"};
  const std::vector<std::string> lines = make_plan(resolve(config, 0)).notices;
  ASSERT_GE(lines.size(), 3U);
  EXPECT_EQ(lines[1], "one");
  EXPECT_EQ(lines[2], "two");
}

TEST(Notices, SayNothingOfOptionsAtTheirDefaults) {
  EXPECT_THAT(without_effect({}), IsEmpty());
  // A file that a run has written gives every option.
  for (const Approach approach : {Approach::kBaseline, Approach::kMajVote, Approach::kDetox}) {
    RunConfig config;
    config.approach = approach;
    const std::string recorded = to_toml(resolve(config, 0), "a run");
    RunConfig again;
    for (const Setting& setting : parse_settings(recorded, "config.toml"))
      set_option(find_option(setting.name), setting.text, again);
    const Plan plan = make_plan(resolve(again, 0));
    EXPECT_EQ(plan.notices.size(), 1U) << word_of(approach);
    again.approach = Approach::kBaseline;  // as --approach on top of the file
    EXPECT_NO_THROW(make_plan(resolve(again, 0)));
  }
}

}  // namespace
}  // namespace detox
