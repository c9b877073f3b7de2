#include "base/child_program.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "detox/errors.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

ChildResult run_shell(const std::string& script, milliseconds limit = seconds(60)) {
  ChildProgram program;
  program.arguments = {"sh", "-c", script};
  program.time_limit = limit;
  return run_child(program);
}

TEST(ChildProgram, TellsBothStreamsAndTheExitCode) {
  const ChildResult result = run_shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_FALSE(result.timed_out);
  EXPECT_FALSE(result.ok());
  EXPECT_TRUE(run_shell("true").ok());
}

TEST(ChildProgram, TellsTheSignalThatEndedIt) {
  EXPECT_EQ(run_shell("kill -9 $$").exit_code, 128 + 9);
}

TEST(ChildProgram, GetsItsInputWholeWhileItWrites) {
  ChildProgram program;
  program.arguments = {"cat"};
  program.input.assign(3'000'000, 'x');
  EXPECT_EQ(run_child(program).output, program.input);
}

TEST(ChildProgram, MayLeaveItsInputUnread) {
  ChildProgram program;
  program.arguments = {"true"};
  program.input.assign(3'000'000, 'x');
  EXPECT_TRUE(run_child(program).ok());
}

TEST(ChildProgram, GetsVariablesInPlaceOfOurs) {
  ASSERT_EQ(setenv("DETOX_CHILD_TEST", "ours", 1), 0);
  ChildProgram program;
  program.arguments = {"sh", "-c", "echo $DETOX_CHILD_TEST; env | grep -c ^DETOX_CHILD_TEST"};
  EXPECT_EQ(run_child(program).output, "ours\n1\n");
  program.environment = {{"DETOX_CHILD_TEST", "its own"}};
  EXPECT_EQ(run_child(program).output, "its own\n1\n");
}

TEST(ChildProgram, HandsOverLinesAsTheyCome) {
  ChildProgram program;
  program.arguments = {"sh", "-c", "echo one; echo two; sleep 0.1; printf three"};
  std::vector<std::string> lines;
  program.on_line = [&](std::string_view line) { lines.emplace_back(line); };
  run_child(program);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "three"}));
}

/// A script that says "begun" and then never ends, with the least of some limits within which this
/// machine comes so far.
ChildResult run_beyond_its_time(const std::string& script) {
  ChildResult result;
  for (const int limit_ms : {200, 2'000, 20'000, 60'000}) {
    result = run_shell(script, milliseconds(limit_ms));
    if (!result.output.empty()) break;
  }
  return result;
}

TEST(ChildProgram, IsEndedAfterItsTime) {
  const ChildResult result = run_beyond_its_time("echo begun; exec sleep 1000");
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + 15);
  EXPECT_EQ(result.output, "begun\n");
}

TEST(ChildProgram, IsKilledWhereItDoesNotEnd) {
  const ChildResult result =
      run_beyond_its_time("trap '' TERM; echo begun; while true; do sleep 0.05; done");
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + 9);
}

TEST(ChildProgram, IsEndedWhenItIsToStopAndHasTheGraceItNeeds) {
  std::atomic<bool> stop{false};
  ChildProgram program;
  program.arguments = {"sh", "-c",
                       "trap 'sleep 0.3; echo tidy; exit 5' TERM; echo begun; "
                       "while true; do sleep 0.02; done"};
  program.stop = &stop;
  program.grace = seconds(200);
  program.on_line = [&](std::string_view) { stop = true; };
  const ChildResult result = run_child(program);
  EXPECT_EQ(result.output, "begun\ntidy\n");
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_TRUE(result.timed_out);
}

TEST(ChildProgram, SeesTheEndOfItsInputInThePlaceOfASignalWhereItAsksForThat) {
  std::atomic<bool> stop{false};
  ChildProgram program;
  program.arguments = {"sh", "-c",
                       "trap 'echo signal; exit 6' TERM; read first; echo \"$first\"; "
                       "while read -r more; do :; done; echo ended; exit 5"};
  program.input = "begun\n";
  program.ends_with_input = true;
  program.stop = &stop;
  program.grace = seconds(200);
  program.on_line = [&](std::string_view) { stop = true; };
  const ChildResult result = run_child(program);
  EXPECT_EQ(result.output, "begun\nended\n");
  EXPECT_EQ(result.exit_code, 5);
}

TEST(ChildProgram, IsEndedAfterItsTimeThoughItNeverStopsTalking) {
  ChildProgram program;
  program.arguments = {"sh", "-c", "exec yes $(printf '%01000d' 0)"};
  program.time_limit = milliseconds(200);
  const auto start = steady_clock::now();
  // Slower than it talks, so that there is always more; the limit counts all the same.
  program.on_line = [&](std::string_view) {
    std::this_thread::sleep_for(milliseconds(1));
    if (steady_clock::now() - start > seconds(200)) throw std::runtime_error("it still talks");
  };
  const ChildResult result = run_child(program);
  EXPECT_TRUE(result.timed_out);
  EXPECT_LE(result.output.size(), ChildResult::kKept);
}

TEST(ChildProgram, IsNotWaitedForWhereWhatItLeftNeverStopsTalking) {
  // It ends by SIGPIPE when nobody reads any more.
  EXPECT_TRUE(run_shell("yes & sleep 0.1").ok());
}

TEST(ChildProgram, IsNotWaitedForLongerThanItLives) {
  const auto start = steady_clock::now();
  // The grandchild holds both streams.
  EXPECT_EQ(run_shell("sleep 500 & echo begun", seconds(200)).output, "begun\n");
  EXPECT_LT(steady_clock::now() - start, seconds(200));
}

TEST(ChildProgram, ThatDoesNotExistIsAnError) {
  ChildProgram program;
  program.arguments = {"detox-no-such-program"};
  try {
    run_child(program);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "cannot start detox-no-such-program: No such file or directory");
  }
}

TEST(ChildProgram, CanBeRunByManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(8);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    threads.emplace_back(
        [&outputs, i] { outputs[i] = run_shell("echo " + std::to_string(i)).output; });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_EQ(outputs[i], std::to_string(i) + "\n");
  }
}

TEST(ChildProgram, OnPathIsFound) {
  EXPECT_TRUE(is_on_path("sh"));
  EXPECT_FALSE(is_on_path("detox-no-such-program"));
}

}  // namespace
}  // namespace detox
