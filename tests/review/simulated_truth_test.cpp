// Who was made to lie, from a run's configuration and rounds, beside what the run wrote down.
#include "review/simulated_truth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "review/run_summary.hpp"
#include "review/standing.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

const Options kLiars = {
    {"workers", "12"}, {"worker-fail", "3"}, {"max-steps", "25"}, {"batch-size", "8"}};

TEST(SimulatedTruth, IsWhatTheRunWroteDown) {
  for (const Options& options : std::vector<Options>{
           {},
           {{"fail-schedule", "fixed"}},
           {{"fail-schedule", "worst-case"}},
           {{"err-mode", "sdc"}, {"lie-rate", "0.4"}, {"silent-rate", "0.2"}},
           {{"lie-when", "first"}, {"absent", "2:3-9,5:1-20"}},
           {{"approach", "baseline"}, {"mode", "normal"}},
           {{"approach", "audit"}, {"audit-rate", "0.5"}, {"lie-rate", "0.5"}},
           {{"arbiter", "server"}, {"lie-when", "second"}, {"evict-after", "never"}},
           {{"slices", "6"}, {"mode", "normal"}, {"err-mode", "straggler"}}}) {
    const MemoryDirectory folder;
    ToyRun run(folder / "run", with(kLiars, options));
    ASSERT_EQ(run.over_local_engine(), RunEnd::kFinished);
    const RunConfig config = *config_of_run(folder / "run");
    const auto truth = simulated_truth(folder / "run", config, plan_of_run(config));
    ASSERT_TRUE(truth.has_value());
    const auto lines = run.journal("attackers.jsonl");
    ASSERT_EQ(truth->size(), lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i)
      EXPECT_EQ(attackers_line((*truth)[i].round, (*truth)[i].lies), lines[i]);
  }
}

TEST(SimulatedTruth, StandsInForTheFileThatEarlierRunsLack) {
  const MemoryDirectory folder;
  ToyRun run(folder / "run", with(kLiars, {{"fail-schedule", "fixed"}}));
  ASSERT_EQ(run.over_local_engine(), RunEnd::kFinished);
  const Detection before = *summarise_run(folder / "run").detection;
  std::filesystem::remove(folder / "run" / "attackers.jsonl");
  const Detection after = *summarise_run(folder / "run").detection;
  EXPECT_EQ(after.lies, before.lies);
  EXPECT_EQ(after.rightly, before.rightly);
  EXPECT_EQ(after.wrongly, before.wrongly);
  EXPECT_EQ(after.named_rightly, before.named_rightly);
}

TEST(SimulatedTruth, IsNotGuessedWhereItDoesNotFollow) {
  const MemoryDirectory folder;
  ToyRun run(folder / "run", kLiars);
  ASSERT_EQ(run.over_local_engine(), RunEnd::kFinished);
  const RunConfig config = *config_of_run(folder / "run");
  const auto is_known = [&](auto change) {
    RunConfig changed = config;
    change(changed);
    return simulated_truth(folder / "run", changed, plan_of_run(changed)).has_value();
  };
  EXPECT_TRUE(is_known([](RunConfig&) {}));
  EXPECT_FALSE(is_known([](RunConfig& c) { c.placement_key = "secret"; }));
  EXPECT_FALSE(is_known([](RunConfig& c) { c.seed = 7; })) << "another assignment";
  EXPECT_FALSE(is_known([](RunConfig& c) { c.err_mode = "/socket@function:00"; }));
  EXPECT_FALSE(is_known([](RunConfig& c) { c.worker_fail = 0; }));
  EXPECT_FALSE(is_known([](RunConfig& c) { c.lazy = true; }));
  std::filesystem::remove(folder / "run" / "rounds.jsonl");
  EXPECT_FALSE(is_known([](RunConfig&) {}));
}

}  // namespace
}  // namespace detox
