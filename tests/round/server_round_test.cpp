#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using Options = std::map<std::string, std::string>;
using Accusation = std::array<std::uint64_t, 3>;  // step, slice, worker from 1

/// Attackers in slices of which they do not own half or more: whom an honest majority outvotes.
std::set<Accusation> outvoted_attackers(const ToyRun& run, std::uint64_t steps) {
  std::set<Accusation> expected;
  for (std::uint64_t step = 1; step <= steps; ++step) {
    const Assignment assignment = run.assignment(step);
    const std::vector<bool> byzantine = run.byzantine(step, assignment);
    for (std::uint32_t slice = 0; slice < assignment.slices(); ++slice) {
      const auto& group = assignment.workers_of_slice[slice];
      const auto attackers =
          std::count_if(group.begin(), group.end(), [&](auto w) { return byzantine[w]; });
      if (2 * (group.size() - static_cast<std::size_t>(attackers)) <= group.size()) continue;
      for (const std::uint32_t worker : group) {
        if (byzantine[worker]) expected.insert({step, slice, worker + 1});
      }
    }
  }
  return expected;
}

TEST(Ledger, AccusesExactlyThoseWhoAttackedWhereAnHonestMajorityWas) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", {{"workers", "15"},
                                 {"worker-fail", "4"},
                                 {"batch-size", "4"},
                                 {"max-steps", "60"},
                                 {"mode", "coord-median"}});
  run.over_local_engine();
  std::set<Accusation> accused, in_corrupt_slices;
  for (const auto& line : run.journal("ledger.jsonl")) {
    ASSERT_EQ(line["kind"], "outvoted");
    const Accusation accusation = {line["step"], line["slice"], line["worker"]};
    const Assignment assignment = run.assignment(line["step"]);
    const std::vector<bool> byzantine = run.byzantine(line["step"], assignment);
    const auto& group = assignment.workers_of_slice[accusation[1]];
    const auto attackers =
        std::count_if(group.begin(), group.end(), [&](auto w) { return byzantine[w]; });
    (2 * static_cast<std::size_t>(attackers) > group.size() ? in_corrupt_slices : accused)
        .insert(accusation);
  }
  const std::set<Accusation> expected = outvoted_attackers(run, 60);
  EXPECT_GT(expected.size(), 50U);
  EXPECT_EQ(accused, expected);
  EXPECT_FALSE(
      in_corrupt_slices.empty());  // the presumption that the documentation states does fail
}

TEST(ServerRound, WithRedundancyAndFewAttackersGivesTheWeightsOfARunWithoutAttack) {
  const MemoryDirectory directory;
  // One attacker cannot own a slice of three: the vote removes all it does.
  const Options options = {
      {"workers", "9"}, {"assume-fail", "1"}, {"batch-size", "8"}, {"max-steps", "30"}};
  ToyRun clean(directory / "clean", options);
  clean.over_local_engine();
  Options attacked_options = options;
  attacked_options["worker-fail"] = "1";
  for (const char* attack : {"rev_grad", "constant", "random"}) {
    attacked_options["err-mode"] = attack;
    ToyRun attacked(directory / attack, attacked_options);
    attacked.over_local_engine();
    EXPECT_EQ(attacked.final_model(), clean.final_model()) << attack;
  }
}

TEST(ServerRound, LearnsTheToyClasses) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run",
             {{"workers", "9"}, {"batch-size", "16"}, {"max-steps", "80"}, {"lr", "0.1"}});
  run.over_local_engine();
  const auto metrics = run.journal("metrics.jsonl");
  ASSERT_EQ(metrics.size(), 80U);
  EXPECT_LT(metrics.back()["loss"].get<double>(), 0.6 * metrics.front()["loss"].get<double>());
  EXPECT_GT(metrics.back()["accuracy"].get<double>(), 0.8);
}

TEST(ServerRound, SkipsAStepThatCannotBeDefendedAndLeavesTheWeightsAlone) {
  const MemoryDirectory directory;
  // Three slices of three, f_eff = 1: the median needs 3 rows. Two absent workers of one slice
  // leave two.
  const Options options = {{"workers", "9"},         {"placement", "fixed"}, {"assume-fail", "2"},
                           {"batch-size", "4"},      {"max-steps", "20"},    {"eval-freq", "1"},
                           {"absent", "1:5-7,2:5-7"}};
  ToyRun run(directory / "run", options);
  run.over_local_engine();
  const auto metrics = run.journal("metrics.jsonl");
  for (std::uint64_t step = 1; step <= 20; ++step) {
    EXPECT_EQ(metrics[step - 1]["skipped"].get<bool>(), step >= 5 && step <= 7) << step;
  }
  EXPECT_EQ(metrics[4]["skipped_because"], "coord-median needs n >= 2f + 1: n = 2, f = 1");
  EXPECT_EQ(run.file("model_step_7"), run.file("model_step_4"));
  EXPECT_NE(run.file("model_step_8"), run.file("model_step_7"));
  const auto rounds = run.journal("rounds.jsonl");
  EXPECT_EQ(rounds[4]["slices"][0]["counted"], nlohmann::json::array());
  EXPECT_EQ(rounds[4]["slices"][1]["counted"], nlohmann::json({4, 5, 6}));
}

TEST(ServerRound, GoesOnWithTheSlicesOfLowestNumberWhereAllAreThereAtOnce) {
  const MemoryDirectory directory;
  const Options options = {{"approach", "baseline"}, {"workers", "5"},    {"mode", "normal"},
                           {"placement", "fixed"},   {"batch-size", "4"}, {"max-steps", "6"},
                           {"assume-fail", "0"}};
  Options some_options = options, others_absent = options;
  some_options["num-aggregate"] = "3";
  others_absent["absent"] = "4:1-6,5:1-6";
  ToyRun some(directory / "some", some_options), without(directory / "without", others_absent);
  some.over_local_engine();
  without.over_local_engine();
  EXPECT_EQ(some.final_model(), without.final_model());
  for (const auto& line : some.journal("rounds.jsonl")) {
    for (const auto& slice : line["slices"]) {
      EXPECT_EQ(slice["used"].get<bool>(), slice["slice"] < 3);
      EXPECT_EQ(slice["counted"].size(), 1U);
    }
  }
  for (const auto& line : some.journal("metrics.jsonl")) EXPECT_EQ(line["resolved"], 5);
}

TEST(ServerRound, SkipsAStepWhereTheHeaviestSlicesHaveHalfOfTheWeight) {
  const MemoryDirectory directory;
  // Slices of 2, 1, 1, 1, 1 and 1 samples; without the last the first two have 3 of 6.
  ToyRun run(directory / "run", {{"approach", "baseline"},
                                 {"workers", "6"},
                                 {"assume-fail", "2"},
                                 {"global-batch", "7"},
                                 {"weights", "samples"},
                                 {"placement", "fixed"},
                                 {"max-steps", "8"},
                                 {"absent", "6:3-4"}});
  run.over_local_engine();
  const auto metrics = run.journal("metrics.jsonl");
  for (std::uint64_t step = 1; step <= 8; ++step)
    EXPECT_EQ(metrics[step - 1]["skipped"].get<bool>(), step == 3 || step == 4) << step;
  EXPECT_THAT(metrics[2]["skipped_because"].get<std::string>(),
              testing::HasSubstr("f = 2, their part is 0.5000 (n = 5;"));
}

TEST(ServerRound, EndsWithExitCodeThreeAfterTooManySkippedStepsAndLeavesACheckpoint) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", {{"workers", "9"},
                                 {"placement", "fixed"},
                                 {"assume-fail", "2"},
                                 {"batch-size", "4"},
                                 {"max-steps", "20"},
                                 {"max-skipped", "4"},
                                 {"absent", "1:5-20,2:5-20"}});
  try {
    run.over_local_engine();
    FAIL();
  } catch (const UndefendedError& error) {
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_THAT(error.what(), testing::HasSubstr("4 steps in a row"));
    EXPECT_THAT(error.what(), testing::HasSubstr("0 (workers 1 2 3)"));
  }
  EXPECT_FALSE(run.file("model_step_8").empty());
  EXPECT_EQ(nlohmann::json::parse(run.file("run.json"))["status"], "failed");
}

TEST(ServerRound, CountsSkippedStepsAnewInARunThatIsResumedAndLeavesTheBytesOfOneThatWasNot) {
  const MemoryDirectory directory;
  const auto options = [](const std::string& most) {
    return Options{{"workers", "9"},      {"mode", "coord-median"},   {"placement", "fixed"},
                   {"assume-fail", "2"},  {"batch-size", "4"},        {"max-steps", "12"},
                   {"max-skipped", most}, {"absent", "1:3-20,2:3-20"}};
  };
  std::uint64_t last = 0;
  std::string ended_at;
  for (int start = 0; start < 3; ++start) {
    ToyRun run(directory / "parts", options("4"));
    run.resume = start > 0;
    run.after_step = [&](std::uint64_t step) { last = step; };
    try {
      run.over_local_engine();
    } catch (const UndefendedError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("4 steps in a row"));
      EXPECT_THAT(error.what(), testing::HasSubstr("a resumed run counts anew"));
    }
    ended_at += std::to_string(last) + " ";
  }
  EXPECT_EQ(ended_at, "6 10 12 ");
  ToyRun whole(directory / "whole", options("100"));
  whole.over_local_engine();
  EXPECT_EQ(ToyRun(directory / "parts", options("4")).final_model(), whole.final_model());
  EXPECT_EQ(ToyRun(directory / "parts", options("4")).final_state(), whole.final_state());
}

TEST(ServerRound, ReducesStatisticsByTheMedianSoThatAMinorityOfSlicesCannotMoveThem) {
  const MemoryDirectory directory;
  const Options options = {{"approach", "baseline"}, {"workers", "9"},    {"worker-fail", "2"},
                           {"batch-size", "8"},      {"max-steps", "10"}, {"err-mode", "constant"},
                           {"adversarial", "1e6"}};
  ToyRun run(directory / "run", options);
  run.over_local_engine();
  const ModelState model = load_model(directory / "run" / "model_step_10", ToyLearner().layout());
  EXPECT_LT(std::abs(model.statistics[0]), 3.0F);
  EXPECT_EQ(model.counters[0], 10);
}

TEST(ServerRound, NamesInEveryStepWhichWorkersCounted) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run",
             {{"workers", "9"}, {"worker-fail", "1"}, {"batch-size", "4"}, {"max-steps", "10"}});
  run.over_local_engine();
  for (const auto& line : run.journal("rounds.jsonl")) {
    const Assignment assignment = run.assignment(line["step"]);
    const std::vector<bool> byzantine = run.byzantine(line["step"], assignment);
    for (const auto& slice : line["slices"]) {
      for (const auto& worker : slice["counted"])
        EXPECT_FALSE(byzantine[worker.get<std::size_t>() - 1]);
      EXPECT_EQ(slice["assigned"].size(), 3U);
      EXPECT_GE(slice["counted"].size(), 2U);
    }
  }
}

}  // namespace
}  // namespace detox
