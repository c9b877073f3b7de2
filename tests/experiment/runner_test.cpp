// How the runs of a search are carried out, with a shell script in the place of detoxml.
#include "experiment/runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "support/temporary_directory.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;
using testing::HasSubstr;

/// Two steps whose loss is the learning rate, and an end that depends on it.
constexpr const char* kScript = R"sh(#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
if [ "$1" = evaluate ]; then
  echo '{"loss":0.5,"prec1":12.5,"prec5":50.0}'
  exit 0
fi
dir=$5
lr=$(sed -n 's/^lr = "\(.*\)"/\1/p' "$3")
if [ "$lr" = 7 ]; then
  echo 'a notice' >&2
  echo 'detoxml: lr is 7; valid: others' >&2
  exit 2
fi
[ "$lr" = 8 ] && kill -9 $$
[ "$lr" = 9 ] && exit 1
echo "step 1/2  loss $lr  accuracy 50.0%  0:01 left" >&2
line() { echo '{"step":'$1',"loss":'$lr',"accuracy":0.5,"resolved":3,"seconds":{"total":0.25}}'; }
line 1 > "$dir/metrics.jsonl"
if [ "$lr" = 6 ]; then
  trap 'printf "{\"status\":\"interrupted\",\"step\":1,\"message\":\"\"}" > "$dir/run.json"; exit 130' TERM
  echo waiting > "$(dirname "$0")/waits"
  while true; do sleep 0.02; done
fi
line 2 >> "$dir/metrics.jsonl"
if [ "$lr" = 5 ]; then
  printf '{"status":"diverged","step":2,"message":"the weights are not finite"}' > "$dir/run.json"
  exit 5
fi
: > "$dir/model_step_2"
: > "$dir/state_step_2"
printf '{"status":"finished","step":2,"message":""}' > "$dir/run.json"
)sh";

class Runner : public testing::Test {
 protected:
  Runner() {
    std::ofstream(program()) << kScript;
    chmod(program().c_str(), 0755);
    options_.program = program().string();
    options_.dir = folder_ / "tune";
  }

  fs::path program() const { return folder_ / "program"; }

  std::vector<Outcome> carry_out_with(const std::string& sweep, Metric metric = Metric::kLoss) {
    search_ = Search();
    search_.sweeps = parse_sweeps({sweep});
    search_.trials = trials_of({}, search_.sweeps);
    search_.metric = metric;
    search_.last_steps = 2;
    testing::internal::CaptureStderr();
    std::vector<Outcome> outcomes;
    {
      Watch watch(search_.trials.size(), 2);
      outcomes = carry_out(search_, options_, watch, stop_,
                           [this](const std::vector<Outcome>&) { ++told_; });
    }
    log_ = testing::internal::GetCapturedStderr();
    return outcomes;
  }

  /// How often the program was started.
  std::size_t calls() const {
    std::ifstream file(folder_ / "calls");
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
  }

  TemporaryDirectory folder_;
  RunnerOptions options_;
  Search search_;
  std::atomic<bool> stop_{false};
  std::string log_;
  int told_ = 0;
};

TEST_F(Runner, TrainsEachTrialInItsFolder) {
  const std::vector<Outcome> outcomes = carry_out_with("lr=1,2,3");
  ASSERT_EQ(outcomes.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(outcomes[i].state, TrialState::kFinished) << outcomes[i].message;
    EXPECT_EQ(outcomes[i].summary.loss, static_cast<double>(i + 1));
    EXPECT_EQ(outcomes[i].folder, options_.dir / "runs" / search_.trials[i].folder);
    EXPECT_TRUE(fs::exists(outcomes[i].folder / "tune.toml"));
    EXPECT_TRUE(fs::exists(outcomes[i].folder / "train.log"));
  }
  EXPECT_EQ(told_, 3);
  EXPECT_THAT(log_, HasSubstr("[3/3] lr=3: loss 3.0000"));
}

TEST_F(Runner, KeepsRunsThatAreThere) {
  carry_out_with("lr=1,2");
  EXPECT_EQ(calls(), 2U);
  const std::vector<Outcome> outcomes = carry_out_with("lr=2,3,1");
  EXPECT_EQ(calls(), 3U);
  EXPECT_EQ(outcomes[0].summary.loss, 2);
  EXPECT_THAT(log_, HasSubstr("lr=1: loss 1.0000 (was there already)"));
}

TEST_F(Runner, TakesAFailureForAnOutcomeAndGoesOn) {
  const std::vector<Outcome> outcomes = carry_out_with("lr=7,8,9,1");
  EXPECT_EQ(outcomes[0].state, TrialState::kFailed);
  EXPECT_EQ(outcomes[0].message, "lr is 7; valid: others");
  EXPECT_THAT(outcomes[1].message, HasSubstr("fewer --jobs"));
  EXPECT_EQ(outcomes[2].message, "ended with exit code 1");
  EXPECT_EQ(outcomes[3].state, TrialState::kFinished);
  carry_out_with("lr=7,1");
  EXPECT_EQ(calls(), 5U) << "what failed is tried again, what finished is not";
}

TEST_F(Runner, TakesARunThatDivergesAndSoEndsEarlyForAResult) {
  for (int again = 0; again < 2; ++again) {
    const std::vector<Outcome> outcomes = carry_out_with("lr=5,1");
    EXPECT_EQ(outcomes[0].state, TrialState::kDiverged) << outcomes[0].message;
    EXPECT_EQ(outcomes[0].summary.steps, 2U);
    EXPECT_FALSE(outcomes[0].summary.loss) << "whatever its last steps had";
    EXPECT_EQ(ranked(outcomes, Metric::kLoss).front(), 1U);
    EXPECT_EQ(calls(), 2U) << "it is there already";
  }
}

TEST_F(Runner, SaysWhatCannotBeStarted) {
  options_.program = folder_ / "no-such-program";
  const std::vector<Outcome> outcomes = carry_out_with("lr=1");
  EXPECT_EQ(outcomes[0].state, TrialState::kFailed);
  EXPECT_THAT(outcomes[0].message, HasSubstr("cannot start"));
}

TEST_F(Runner, SaysWhereFilesAreNotWhatARunLeaves) {
  const fs::path run = carry_out_with("lr=1")[0].folder;
  std::ofstream(run / "metrics.jsonl") << R"({"step":1,"loss":1,"resolved":3})"
                                       << "\n";
  EXPECT_THAT(carry_out_with("lr=1")[0].message, HasSubstr("lacks the last steps of a run of 2"));
  std::ofstream(run / "run.json") << "{}";
  EXPECT_THAT(carry_out_with("lr=1")[0].message, HasSubstr("run.json is damaged"));
}

TEST_F(Runner, SharesTheCoresAmongRunsAtATime) {
  options_.cores = 12;
  options_.jobs = 3;
  carry_out_with("lr=1,2,3");
  std::ifstream calls(folder_ / "calls");
  std::size_t fewest = 100;
  for (std::string line; std::getline(calls, line);)
    fewest = std::min(fewest, std::stoul(line.substr(line.find("--threads ") + 10)));
  EXPECT_EQ(fewest, 4U);
  EXPECT_EQ(default_jobs(8, 3), 3U);
  EXPECT_EQ(default_jobs(2, 8), 2U);
}

TEST_F(Runner, ScoresTheLastCheckpointWhereThatIsAskedForAndOnce) {
  for (int again = 0; again < 2; ++again) {
    const std::vector<Outcome> outcomes = carry_out_with("lr=1", Metric::kTestAccuracy);
    EXPECT_EQ(outcomes[0].test_accuracy, 0.125) << outcomes[0].message;
    EXPECT_EQ(outcomes[0].test_loss, 0.5);
    EXPECT_EQ(calls(), 2U);
  }
}

TEST_F(Runner, AsksRunsToEndAndStartsNoneWhenItIsToStop) {
  options_.jobs = 1;
  std::thread stopper([this] {
    for (int i = 0; i < 2000 && !fs::exists(folder_ / "waits"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    stop_ = true;
  });
  const auto start = steady_clock::now();
  const std::vector<Outcome> outcomes = carry_out_with("lr=1,6,2");
  stopper.join();
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(60));
  EXPECT_EQ(outcomes[0].state, TrialState::kFinished);
  EXPECT_EQ(outcomes[1].state, TrialState::kInterrupted);
  EXPECT_EQ(outcomes[1].message, "");
  EXPECT_EQ(outcomes[2].state, TrialState::kWaiting);
  EXPECT_EQ(calls(), 2U);
  EXPECT_EQ(outcome_in(outcomes[1].folder, 2).state, TrialState::kInterrupted);
}

TEST_F(Runner, CallsARunWithoutAnyLossFailed) {
  const fs::path run = folder_ / "run";
  fs::create_directories(run);
  std::ofstream(run / "metrics.jsonl") << R"({"step":1,"loss":null,"resolved":0})"
                                       << "\n";
  std::ofstream(run / "run.json") << R"({"status":"finished","step":1,"message":""})";
  EXPECT_EQ(outcome_in(run, 2).state, TrialState::kFailed);
  EXPECT_EQ(outcome_in(folder_ / "none", 2).state, TrialState::kWaiting);
}

}  // namespace
}  // namespace detox
