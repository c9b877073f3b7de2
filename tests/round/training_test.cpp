#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "detox/errors.hpp"
#include "round/progress.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

TEST(Training, LeavesCheckpointsEverySoManyStepsAndAtTheEnd) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", {{"max-steps", "25"}, {"eval-freq", "10"}, {"batch-size", "4"}});
  run.over_local_engine();
  EXPECT_EQ(list_checkpoints(directory / "run"), (std::vector<std::uint64_t>{10, 20, 25}));
  EXPECT_EQ(read_status(directory / "run")->state, RunState::kFinished);
}

TEST(Training, SaysHowFarItIsWithEachCheckpoint) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", {{"max-steps", "25"}, {"eval-freq", "10"}, {"batch-size", "4"}});
  run.after_step = [&](std::uint64_t step) {
    const auto status = read_status(directory / "run");
    EXPECT_EQ(status->state, RunState::kRunning);
    EXPECT_EQ(status->step, (step - 1) / 10 * 10);
  };
  run.over_local_engine();
}

TEST(Training, RefusesADirectoryThatHoldsAnotherRun) {
  const MemoryDirectory directory;
  const std::map<std::string, std::string> options = {{"max-steps", "2"}, {"batch-size", "4"}};
  ToyRun(directory / "run", options).over_local_engine();
  EXPECT_THROW(ToyRun(directory / "run", options).over_local_engine(), InputError);
}

TEST(Training, GoesOnWhenADiskIsFullDuringACheckpointAndKeepsThePreviousOne) {
  // A full disk as a limit on the size of files, in a child process: a checkpoint of the toy is
  // larger than 300 bytes.
  const MemoryDirectory directory;
  ToyRun first(directory / "run", {{"max-steps", "30"}, {"eval-freq", "10"}, {"batch-size", "4"}});
  first.stop_after = 10;
  first.over_local_engine();
  const std::string before = first.file("model_step_10");
  const auto run_in_child = [&] {
    signal(SIGXFSZ, SIG_IGN);
    ToyRun second(directory / "run",
                  {{"max-steps", "30"}, {"eval-freq", "10"}, {"batch-size", "4"}});
    second.resume = true;
    second.after_step = [](std::uint64_t) {
      const rlimit limit{300, 300};
      setrlimit(RLIMIT_FSIZE, &limit);
    };
    try {
      second.over_local_engine();
    } catch (const InputError&) {
      std::_Exit(42);  // the last checkpoint could not be written either: that is an error
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(run_in_child(), testing::ExitedWithCode(42), "");
  // It went on past the checkpoint of step 20, to the end, and said there that the last one is
  // missing.
  EXPECT_EQ(read_status(directory / "run")->step, 30U);
  EXPECT_EQ(read_status(directory / "run")->state, RunState::kFailed);
  EXPECT_EQ(first.file("model_step_10"), before);
  EXPECT_EQ(list_checkpoints(directory / "run"), std::vector<std::uint64_t>{10});
  for (const auto& entry : std::filesystem::directory_iterator(directory / "run")) {
    EXPECT_EQ(entry.path().filename().string().find("tmp"), std::string::npos) << entry.path();
  }
}

TEST(Training, SaysThatItFailedWhateverWasThrown) {
  for (const bool over_network : {false, true}) {
    const MemoryDirectory directory;
    ToyRun run(directory / "run", {{"max-steps", "9"}, {"batch-size", "4"}});
    run.after_step = [](std::uint64_t step) {
      if (step == 3) throw std::bad_alloc();
    };
    if (over_network) {  // which returns only when the workers have been told
      EXPECT_THROW(run.over_network(), std::bad_alloc);
    } else {
      EXPECT_THROW(run.over_local_engine(), std::bad_alloc);
    }
    EXPECT_EQ(read_status(directory / "run")->state, RunState::kFailed);
    EXPECT_EQ(read_status(directory / "run")->message, "out of memory");
  }
}

TEST(Training, WritesEveryPhaseIntoItsMetrics) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", {{"max-steps", "3"}, {"worker-fail", "1"}, {"batch-size", "4"}});
  run.over_network();
  for (const auto& line : run.journal("metrics.jsonl")) {
    for (const char* phase :
         {"broadcast", "compute", "receive", "vote", "aggregate", "update", "commit", "total"}) {
      EXPECT_GE(line["seconds"][phase].get<double>(), 0.0) << phase;
    }
    // Nine full answers came in, and nine copies of the weights went out.
    EXPECT_GE(line["bytes_in"].get<std::uint64_t>(), 9 * 80U);
    EXPECT_GE(line["bytes_out"].get<std::uint64_t>(), 9 * 64U);
    EXPECT_EQ(line["resolved"], 3);
    EXPECT_TRUE(line.contains("corrupted"));
  }
}

TEST(Progress, PrintsPlainLinesWhereThereIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress(1, 100, 25);
    for (std::uint64_t step = 1; step <= 100; ++step) progress.update(step, 0.5, 0.25);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_NE(text.find("step 25/100  loss 0.5000  accuracy 25.0%  0:00 left\n"), std::string::npos);
}

}  // namespace
}  // namespace detox
