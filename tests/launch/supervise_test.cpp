// Shell scripts stand in for mpirun.
#include "launch/supervise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "detox/errors.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

/// leave N: what leave_result(N) does. tell FILE: the script's process id, for is_gone().
constexpr const char* kPrelude =
    "leave() { echo $1 > $DETOX_RESULT_FILE.new; mv $DETOX_RESULT_FILE.new $DETOX_RESULT_FILE; }; "
    "forever() { while :; do sleep 0.05; done; }; ";

class Supervise : public testing::Test {
 protected:
  void SetUp() override {
    started_ = steady_clock::now();
    signal(SIGINT, SIG_DFL);  // which is ignored in a shell's background
  }
  void TearDown() override {
    std::filesystem::remove(pid_file_);
    std::filesystem::remove_all(pid_file_ + ".tmp");
    EXPECT_LT(steady_clock::now() - started_, seconds(200)) << "the scripts would run for ever";
    EXPECT_NE(waitpid(-1, nullptr, WNOHANG), 0) << "a process was left behind";
  }

  static Job script(const std::string& text) { return {{"sh", "-c", kPrelude + text}, {}, true}; }
  std::string tell() const { return "echo $$ > " + pid_file_ + "; "; }

  bool told_process_is_gone() const {
    std::ifstream file(pid_file_);
    pid_t pid = 0;
    file >> pid;
    for (int i = 0; i < 6000 && pid > 0; ++i) {
      std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
      std::string line;
      if (!std::getline(stat, line) || line.find(") Z ") != std::string::npos) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  Patience hasty_{milliseconds(300), milliseconds(300), milliseconds(300)};
  std::string pid_file_ = testing::TempDir() + "supervise_test_" + std::to_string(getpid());
  steady_clock::time_point started_;
};

TEST_F(Supervise, ReturnsTheRunsOwnExitCodeWhateverTheJobsIs) {
  EXPECT_EQ(supervise(script("leave 0")), 0);
  EXPECT_EQ(supervise(script("leave 3; exit 0")), 3);
  EXPECT_EQ(supervise(script("leave 0; exit 9")), 0);
}

TEST_F(Supervise, CallsAJobWithoutAResultAFailure) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script("exit 0")), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("the job ended without a result (sh exit code 0)\n"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script("kill -9 $$")), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("exit code 137"));
}

TEST_F(Supervise, TakesNoBrokenResultForOne) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script("leave well")), 1);
  EXPECT_EQ(supervise(script("leave 300")), 1);
  testing::internal::GetCapturedStderr();
}

TEST_F(Supervise, CountsTheJobsExitCodeWhereRankZeroIsElsewhere) {
  Job job = script("test -z \"$DETOX_RESULT_FILE\" && exit 5");
  job.result_file = false;
  EXPECT_EQ(supervise(job), 5);
}

TEST_F(Supervise, GoesOnWithTheNextJobAfterAResult) {
  int asked = 0;
  const auto next = [&asked](int code) -> std::optional<Job> {
    ++asked;
    if (code != 4) return std::nullopt;
    return script("leave 0");
  };
  EXPECT_EQ(supervise(script("leave 4"), hasty_, next), 0);
  EXPECT_EQ(asked, 2);
}

TEST_F(Supervise, AsksForNoNextJobWithoutAResultOfRankZeros) {
  const auto next = [](int) -> std::optional<Job> { return script("leave 0"); };
  Job elsewhere = script("exit 4");
  elsewhere.result_file = false;
  EXPECT_EQ(supervise(elsewhere, hasty_, next), 4);
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script("exit 4"), hasty_, next), 1);
  testing::internal::GetCapturedStderr();
}

TEST_F(Supervise, AsksForNoNextJobOnceSomebodyWantedAnEnd) {
  const auto next = [](int) -> std::optional<Job> { return script("leave 0"); };
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script("trap '' USR1; leave 4; kill -INT $PPID; sleep 0.2"), hasty_, next),
            4);
  testing::internal::GetCapturedStderr();
}

TEST_F(Supervise, EndsAJobThatHasAResultAndNeverEnds) {
  EXPECT_EQ(supervise(script(tell() + "leave 4; forever"), hasty_), 4);
  EXPECT_TRUE(told_process_is_gone());
}

TEST_F(Supervise, EndsAJobThatIgnoresTheRequest) {
  EXPECT_EQ(supervise(script(tell() + "trap '' TERM INT HUP; leave 4; forever"), hasty_), 4);
  EXPECT_TRUE(told_process_is_gone());
}

TEST_F(Supervise, LeavesNoProcessThatTheJobLeftInASessionOfItsOwn) {
  EXPECT_EQ(
      supervise(script("setsid sh -c '" + tell() + "sleep 1000 & sleep 1000' & while ! test -s " +
                       pid_file_ + "; do sleep 0.01; done; leave 0")),
      0);
  EXPECT_TRUE(told_process_is_gone());
}

TEST_F(Supervise, DoesNotWaitForEverForAProcessThatCannotBeEnded) {
  // A dead process stays as long as it is traced and its tracer does not look: here, this one.
  const pid_t launcher = fork();
  if (launcher == 0) {
    Patience patience = hasty_;
    patience.end_after_kill = milliseconds(300);
    _exit(supervise(script("leave 4; " + tell() + "exec sleep 1000"), patience));
  }
  pid_t traced = 0;
  while (!(std::ifstream(pid_file_) >> traced)) std::this_thread::sleep_for(milliseconds(5));
  const bool is_traced = ptrace(PTRACE_SEIZE, traced, nullptr, nullptr) == 0;
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < 10'000 && ended == 0; ++i) {
    ended = waitpid(launcher, &status, WNOHANG);
    std::this_thread::sleep_for(milliseconds(10));
  }
  kill(launcher, SIGKILL);
  if (ended == 0) waitpid(launcher, nullptr, 0);
  if (is_traced) waitpid(traced, nullptr, 0);
  if (!is_traced) GTEST_SKIP() << "this system does not allow tracing";
  EXPECT_EQ(ended, launcher);
  EXPECT_EQ(WEXITSTATUS(status), 4);
}

TEST_F(Supervise, PassesTheFirstSignalOnAndWaitsForTheResult) {
  testing::internal::CaptureStderr();
  for (const std::string signal : {"INT", "TERM", "HUP"}) {
    EXPECT_EQ(supervise(script("trap 'leave 6; exit 0' USR1; kill -" + signal + " $PPID; forever")),
              6)
        << signal;
  }
  testing::internal::GetCapturedStderr();
}

TEST_F(Supervise, CallsAnInterruptionThatNobodyAskedForAFailure) {
  // mpirun sends SIGTERM to the ranks that are left when one has died.
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script("leave 130")), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("not by its launcher"));
}

TEST_F(Supervise, CallsAnInterruptionThatItPassedOnOrCouldHaveByItsName) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script("trap 'leave 130; exit 0' USR1; kill -INT $PPID; forever")), 130);
  EXPECT_EQ(supervise(script("leave 130; kill -TERM $PPID")), 130);
  testing::internal::GetCapturedStderr();
}

TEST_F(Supervise, EndsEverythingAtTheSecondSignal) {
  testing::internal::CaptureStderr();
  // Again and again: two that come before the first is noticed are one.
  EXPECT_EQ(
      supervise(script(tell() + "trap '' USR1; while :; do kill -INT $PPID; sleep 0.3; done")),
      128 + SIGINT);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("stopped before the run had a result"));
  EXPECT_TRUE(told_process_is_gone());
}

TEST_F(Supervise, EndsEverythingThatDoesNotEndAfterASignal) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(script(tell() + "trap '' USR1; kill -TERM $PPID; forever"), hasty_),
            128 + SIGTERM);
  testing::internal::GetCapturedStderr();
  EXPECT_TRUE(told_process_is_gone());
}

TEST_F(Supervise, GivesTheJobItsEnvironmentAndNoInput) {
  Job job = script("read line || leave $NUMBER");
  job.environment = {{"NUMBER", "7"}};
  EXPECT_EQ(supervise(job), 7);
}

TEST_F(Supervise, SeesAServerThatIsKilledBeforeItSaysAnything) {
  // It lives until the launcher has looked around some times.
  const Job job = script(
      "export LAUNCHER=$PPID; OMPI_COMM_WORLD_RANK=0 sh -c '"
      "waits() { sed -n \"s/^voluntary_ctxt_switches:.//p\" /proc/$LAUNCHER/status; }; "
      "enough=$(($(waits) + 5)); while [ $(waits) -lt $enough ]; do sleep 0.05; done; "
      "kill -9 $$' & sleep 1000");
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(job), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("the server (rank 0) is gone"));
}

TEST_F(Supervise, SaysWhyAJobMayNotHaveStartedAndOnlyThen) {
  Job job = script("exit 7");
  job.why_not_started = [] { return "there is a reason"; };
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(job), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "the job ended (sh exit code 7) before MPI had started: there is a reason\n");
  job.arguments.back() = kPrelude + std::string(": > $DETOX_RESULT_FILE.late; exit 7");
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(job), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "the job ended (sh exit code 7) before MPI had started: not all processes came up in "
            "time (--start-timeout): there is a reason\n");
  job.arguments.back() = kPrelude + std::string(": > $DETOX_RESULT_FILE.started; exit 7");
  testing::internal::CaptureStderr();
  EXPECT_EQ(supervise(job), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "the job ended without a result (sh exit code 7)\n");
  job.arguments.back() = kPrelude + std::string("leave 2");
  EXPECT_EQ(supervise(job), 2);
}

TEST_F(Supervise, SaysWhichProgramIsMissing) {
  try {
    supervise({{"no-such-mpirun"}, {}, true});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no-such-mpirun is not on the PATH"));
  }
}

TEST_F(Supervise, EndsTheJobWhenTheLauncherItselfIsKilled) {
  const pid_t launcher = fork();
  if (launcher == 0) {  // killed, it cannot remove its temporary directory
    std::filesystem::create_directory(pid_file_ + ".tmp");
    setenv("TMPDIR", (pid_file_ + ".tmp").c_str(), 1);
    _exit(supervise(script(tell() + "exec sleep 1000")));
  }
  while (!std::filesystem::exists(pid_file_) || std::filesystem::file_size(pid_file_) == 0) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  kill(launcher, SIGKILL);
  waitpid(launcher, nullptr, 0);
  EXPECT_TRUE(told_process_is_gone());
}

TEST(Result, IsLeftOnlyWhereALauncherWaits) {
  unsetenv("DETOX_RESULT_FILE");
  EXPECT_FALSE(under_launcher());
  EXPECT_FALSE(leave_result(3));
  const std::string path = testing::TempDir() + "result_test_" + std::to_string(getpid());
  setenv("DETOX_RESULT_FILE", path.c_str(), 1);
  EXPECT_TRUE(under_launcher());
  EXPECT_TRUE(leave_result(3));
  std::ifstream file(path);
  int code = 0;
  EXPECT_TRUE(file >> code);
  EXPECT_EQ(code, 3);
  std::filesystem::remove(path);
  setenv("DETOX_RESULT_FILE", "/no/such/directory/result", 1);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(leave_result(3));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("/no/such/directory/result"));
  unsetenv("DETOX_RESULT_FILE");
}

}  // namespace
}  // namespace detox
