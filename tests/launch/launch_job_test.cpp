// The launcher with the real mpirun: exit codes, and no process left. Where there are two hosts,
// both are this machine: an agent in ssh's place starts the second one's daemon here, in a session
// of its own.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace detox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
constexpr seconds kPatience{200};

class LaunchedJob : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(testing::TempDir()) / ("launch_job_" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    signal(SIGINT, SIG_DFL);  // which is ignored in a shell's background
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void start(int ranks, const std::string& mode) {
    const std::string n = std::to_string(ranks);
    const std::string file = directory_ / "pid";
    launcher_ = fork();
    if (launcher_ != 0) return;
    setenv("TMPDIR", directory_.c_str(),
           1);  // a launcher that is killed leaves its temporary files
    freopen((directory_ / "err").c_str(), "w", stderr);
    const std::string hosts = directory_ / "hosts";
    if (std::filesystem::exists(hosts)) {
      setenv("OMPI_MCA_plm_rsh_agent", (directory_ / "agent").c_str(), 1);
      execl(LAUNCH_PROBE, LAUNCH_PROBE, "launch", "-n", n.c_str(), "--no-checks", "--hostfile",
            hosts.c_str(), "--", "train", mode.c_str(), file.c_str(), nullptr);
    }
    execl(LAUNCH_PROBE, LAUNCH_PROBE, "launch", "-n", n.c_str(), "--", "train", mode.c_str(),
          file.c_str(), nullptr);
    _exit(99);
  }

  /// Ranks 0 and 1 here, 2 and 3 on the other host; until the server has heard from all.
  void start_on_two_hosts(const std::string& mode) {
    std::ofstream(directory_ / "hosts") << "localhost slots=2\nanother-host slots=2\n";
    std::ofstream(directory_ / "agent") << "#!/bin/sh\nshift\nexec setsid sh -c \"$*\"\n";
    std::filesystem::permissions(directory_ / "agent", std::filesystem::perms::owner_all);
    start(4, mode);
    wait_for_ranks(4);
    wait_until([&] { return std::filesystem::exists(directory_ / "pid.ready"); });
    ASSERT_NE(parent_of(rank_process(1)), parent_of(rank_process(2)));
  }

  /// Or until a limit that no machine needs.
  static void wait_until(const std::function<bool()>& holds) {
    const auto limit = steady_clock::now() + kPatience;
    while (!holds() && steady_clock::now() < limit) std::this_thread::sleep_for(milliseconds(10));
  }

  static pid_t parent_of(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t end = line.rfind(')');
    return end == std::string::npos ? 0 : std::atoi(line.c_str() + end + 4);
  }

  std::string messages() const {
    std::ifstream file(directory_ / "err");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  int wait() const {
    int status = 0;
    waitpid(launcher_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  pid_t rank_process(int rank) const {
    std::ifstream file(directory_ / ("pid." + std::to_string(rank)));
    pid_t pid = 0;
    file >> pid;
    return pid;
  }

  /// Until all ranks have started.
  void wait_for_ranks(int ranks) const {
    for (int rank = 0; rank < ranks; ++rank) {
      wait_until([&] { return rank_process(rank) != 0; });
      ASSERT_NE(rank_process(rank), 0);
    }
  }

  /// The ranks of a job that has ended. `soon`: where nobody could wait for them.
  void expect_no_rank_left(int ranks, bool soon = false) const {
    for (int rank = 0; rank < ranks; ++rank) {
      const pid_t pid = rank_process(rank);
      ASSERT_NE(pid, 0);
      if (soon) wait_until([pid] { return kill(pid, 0) != 0; });
      EXPECT_NE(kill(pid, 0), 0) << "rank " << rank;
    }
  }

  std::filesystem::path directory_;
  pid_t launcher_ = 0;
};

TEST_F(LaunchedJob, EndsWithTheRunsExitCode) {
  start(4, "well");
  EXPECT_EQ(wait(), 0);
  expect_no_rank_left(4);
  start(3, "undefended");
  EXPECT_EQ(wait(), 3);
}

TEST_F(LaunchedJob, GoesOnWithoutAWorkerThatDies) {
  start(4, "dying-worker");
  EXPECT_EQ(wait(), 0);
  expect_no_rank_left(4);
}

TEST_F(LaunchedJob, SaysThatTheServerIsGoneAndEndsTheWorkersOnAllHosts) {
  start_on_two_hosts("until-told");
  kill(rank_process(0), SIGKILL);
  EXPECT_EQ(wait(), 1);
  EXPECT_NE(messages().find("the server (rank 0) is gone"), std::string::npos) << messages();
  expect_no_rank_left(4, true);
}

TEST_F(LaunchedJob, EndsOnAllHostsWithTheRunsExitCodeThoughMpirunIsStopped) {
  start_on_two_hosts("until-told");
  kill(parent_of(rank_process(0)), SIGSTOP);
  std::ofstream(directory_ / "pid.go").close();
  EXPECT_EQ(wait(), 3);
  expect_no_rank_left(4, true);
}

TEST_F(LaunchedJob, EndsOnAllHostsWhenMpirunIsKilled) {
  start_on_two_hosts("until-told");
  kill(parent_of(rank_process(0)), SIGKILL);
  EXPECT_EQ(wait(), 1) << messages();
  expect_no_rank_left(4, true);
}

TEST_F(LaunchedJob, EndsWithTheRunsExitCodeThoughAHostIsLost) {
  start_on_two_hosts("until-told");
  kill(parent_of(rank_process(2)), SIGKILL);
  std::this_thread::sleep_for(milliseconds(300));  // time for those who might notice it
  std::ofstream(directory_ / "pid.go").close();
  EXPECT_EQ(wait(), 3);
  expect_no_rank_left(4, true);
}

TEST_F(LaunchedJob, EndsThoughAWorkerNeverDoes) {
  start(3, "stuck-worker");
  EXPECT_EQ(wait(), 0);
  expect_no_rank_left(3);
}

TEST_F(LaunchedJob, TellsTheServerOfASignal) {
  start(3, "until-signal");
  wait_for_ranks(3);
  wait_until([&] { return std::filesystem::exists(directory_ / "pid.ready"); });
  kill(launcher_, SIGINT);
  EXPECT_EQ(wait(), 0);
  expect_no_rank_left(3);
}

TEST_F(LaunchedJob, IsEndedByASecondSignal) {
  start(3, "forever");
  wait_for_ranks(3);
  // Again and again: two that come before the first is noticed are one.
  siginfo_t ended{};
  wait_until([&] {
    kill(launcher_, SIGTERM);
    std::this_thread::sleep_for(milliseconds(200));
    waitid(P_PID, static_cast<id_t>(launcher_), &ended, WEXITED | WNOHANG | WNOWAIT);
    return ended.si_pid != 0;
  });
  EXPECT_EQ(wait(), 128 + SIGTERM);
  expect_no_rank_left(3);
}

TEST_F(LaunchedJob, DiesWithItsLauncher) {
  start(3, "forever");
  wait_for_ranks(3);
  kill(launcher_, SIGKILL);
  EXPECT_EQ(wait(), 128 + SIGKILL);
  expect_no_rank_left(3, true);
}

}  // namespace
}  // namespace detox
