// Runs whose weights do not stay finite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/finite.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// Its weights grow by half in each step, until there is no probability left.
Options too_fast(const Options& more = {}) {
  Options options = {{"max-steps", "60"}, {"eval-freq", "2"},      {"batch-size", "4"},
                     {"lr", "1"},         {"weight-decay", "2.5"}, {"momentum", "0"}};
  for (const auto& [name, value] : more) options[name] = value;
  return options;
}

bool is_finite(const fs::path& dir, std::uint64_t step) {
  return all_finite(load_model(model_path(dir, step), ToyLearner().layout()).parameters);
}

class Divergence : public testing::Test {
 protected:
  fs::path dir(const std::string& name) const { return folder_ / name; }
  RunStatus status(const std::string& name) const { return *read_status(dir(name)); }

  const MemoryDirectory folder_;
};

TEST_F(Divergence, EndsTheRunAtItsFirstStepAndLeavesTheNewestFiniteCheckpoint) {
  std::set<std::uint64_t> ends;
  for (const bool over_network : {false, true}) {
    const std::string name = over_network ? "network" : "local";
    ToyRun run(dir(name), too_fast({{"keep-checkpoints", "1"}}));
    const std::string message = message_of<DivergedError>(
        [&] { over_network ? run.over_network() : run.over_local_engine(); });
    const std::uint64_t step = status(name).step;
    ends.insert(step);
    ASSERT_GT(step, 4U);
    ASSERT_LT(step, 60U);
    EXPECT_EQ(status(name).state, RunState::kDiverged);
    EXPECT_EQ(status(name).message, message);
    EXPECT_THAT(message, HasSubstr("not finite after step " + std::to_string(step) + ":"));
    const std::uint64_t kept = (step - 1) / 2 * 2;
    EXPECT_THAT(message,
                HasSubstr("the newest checkpoint is of step " + std::to_string(kept) + " in"));
    EXPECT_THAT(list_checkpoints(dir(name)), ElementsAre(kept));
    EXPECT_TRUE(is_finite(dir(name), kept));
    const auto metrics = run.journal("metrics.jsonl");
    ASSERT_EQ(metrics.size(), step);
    EXPECT_EQ(metrics.back()["diverged"], true);
    EXPECT_FALSE(metrics[metrics.size() - 2].contains("diverged"));
  }
  EXPECT_EQ(ends.size(), 1U) << "the same step on every engine";
}

TEST_F(Divergence, ComesAgainAtTheSameStepOfARunThatGoesOn) {
  ToyRun run(dir("run"), too_fast());
  const auto end = [&] { run.over_local_engine(); };
  const std::string first = message_of<DivergedError>(end);
  const RunStatus status_before = status("run");
  run.resume = true;
  EXPECT_EQ(message_of<DivergedError>(end), first);
  EXPECT_EQ(status("run").step, status_before.step);
}

TEST_F(Divergence, ComesAgainAtTheSameStepOfARepetition) {
  ToyRun run(dir("run"), too_fast());
  EXPECT_THROW(run.over_local_engine(), DivergedError);
  const std::uint64_t step = status("run").step;
  ToyRun again(dir("again"),
               too_fast({{"replay", dir("run").string()}, {"max-steps", std::to_string(step)}}));
  EXPECT_THROW(again.over_local_engine(), DivergedError);
  EXPECT_EQ(status("again").step, step);
  EXPECT_EQ(again.file("rounds.jsonl"), run.file("rounds.jsonl"));
}

TEST_F(Divergence, IsTrainedThroughWhereThatIsWantedAndTheNewestFiniteCheckpointStays) {
  ToyRun run(dir("run"), too_fast({{"keep-checkpoints", "2"}, {"on-divergence", "continue"}}));
  EXPECT_EQ(run.over_local_engine(), RunEnd::kFinished);
  const auto metrics = run.journal("metrics.jsonl");
  std::uint64_t since = 1;
  while (!metrics[since - 1].contains("diverged")) ++since;
  const std::uint64_t kept = (since - 1) / 2 * 2;
  EXPECT_THAT(list_checkpoints(dir("run")), ElementsAre(kept, 58, 60));
  EXPECT_TRUE(is_finite(dir("run"), kept));
  EXPECT_FALSE(is_finite(dir("run"), 60));
  EXPECT_EQ(status("run").state, RunState::kFinished);
  EXPECT_EQ(load_checkpoint(model_path(dir("run"), 60), ToyLearner().layout())
                .state.facts.at("diverged_at"),
            std::to_string(since));
}

TEST_F(Divergence, ChangesNoByteOfARunThatIsInterruptedInIt) {
  const Options options = too_fast({{"on-divergence", "continue"}});
  ToyRun whole(dir("whole"), options);
  whole.over_local_engine();
  ToyRun parts(dir("parts"), options);
  parts.stop_after = 55;
  EXPECT_EQ(parts.over_local_engine(), RunEnd::kInterrupted);
  EXPECT_FALSE(is_finite(dir("parts"), 55));
  ToyRun rest(dir("parts"), options);
  rest.resume = true;
  rest.over_local_engine();
  EXPECT_EQ(rest.final_model(), whole.final_model());
  EXPECT_EQ(rest.final_state(), whole.final_state());
  EXPECT_EQ(rest.file("rounds.jsonl"), whole.file("rounds.jsonl"));
}

TEST_F(Divergence, GivesALossOfItsOwnAndNullIsOnlyWhereNothingHasAMajority) {
  ToyRun run(dir("run"), too_fast({{"on-divergence", "continue"}}));
  run.over_local_engine();
  std::size_t words = 0;
  for (const auto& line : run.journal("metrics.jsonl")) {
    const auto& loss = line["loss"];
    EXPECT_TRUE(loss.is_number() || loss == "nan" || loss == "inf") << line;
    words += loss.is_string() ? 1 : 0;
  }
  EXPECT_GT(words, 10U);

  ToyRun nothing(dir("nothing"), {{"max-steps", "2"},
                                  {"batch-size", "4"},
                                  {"absent", "1:1-2,2:1-2"},
                                  {"workers", "3"},
                                  {"max-skipped", "2"}});
  EXPECT_THROW(nothing.over_local_engine(), UndefendedError);
  for (const auto& line : nothing.journal("metrics.jsonl")) EXPECT_TRUE(line["loss"].is_null());
}

TEST_F(Divergence, NamesAGradientThatIsNotFiniteWhereTheLossIs) {
  ToyRun run(dir("run"), {{"max-steps", "9"},
                          {"batch-size", "4"},
                          {"approach", "baseline"},
                          {"mode", "normal"},
                          {"worker-fail", "1"},
                          {"err-mode", "nan"}});
  const std::string message = message_of<DivergedError>([&] { run.over_local_engine(); });
  EXPECT_THAT(message, HasSubstr("after step 1: the aggregated gradient is not;"));
  EXPECT_THAT(message, HasSubstr("there is no earlier checkpoint"));
  EXPECT_THAT(message, HasSubstr("choose a --mode that leaves such rows out"));
  EXPECT_TRUE(list_checkpoints(dir("run")).empty());
}

}  // namespace
}  // namespace detox
