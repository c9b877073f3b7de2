#include "base/process_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/temporary_directory.hpp"

namespace {
std::atomic<int> flock_fails_with = 0;  ///< 0: it works
}  // namespace

/// In the place of the C library's.
extern "C" int flock(int fd, int operation) noexcept {
  if (flock_fails_with == 0) return static_cast<int>(syscall(SYS_flock, fd, operation));
  errno = flock_fails_with;
  return -1;
}

namespace detox {
namespace {

namespace fs = std::filesystem;
using State = LockHolder::State;
using testing::HasSubstr;
using testing::StartsWith;

std::string content(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class ProcessLocks : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { flock_fails_with = GetParam(); }
  void TearDown() override { flock_fails_with = 0; }

  std::optional<ProcessLock> take() { return ProcessLock::take(file_, holder_); }

  /// Changes what the note says, as if somebody else had left it.
  void change_note(const std::function<void(nlohmann::json&)>& change) const {
    nlohmann::json note = nlohmann::json::parse(content(file_));
    change(note);
    std::ofstream(file_) << note.dump() << '\n';
  }

  /// A process that takes the lock and ends without giving it back; not waited for yet.
  pid_t taken_by_one_that_dies() {
    const pid_t child = fork();
    if (child == 0) _exit(take() ? 0 : 1);
    siginfo_t ended{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(ended.si_status, 0);
    return child;
  }

  const TemporaryDirectory folder_;
  const fs::path file_ = folder_ / "lock";
  LockHolder holder_;
};

INSTANTIATE_TEST_SUITE_P(WithFlockAndWithout, ProcessLocks,
                         testing::Values(0, ENOSYS, ENOLCK, EOPNOTSUPP));

TEST_P(ProcessLocks, KeepAnotherOneOutAndSayWhoHoldsThem) {
  EXPECT_EQ(holder_of(file_).state, State::kFree);
  const std::string self = "process " + std::to_string(getpid()) + " on ";
  {
    const std::optional<ProcessLock> first = take();
    ASSERT_TRUE(first);
    EXPECT_FALSE(take());
    EXPECT_EQ(holder_.state, State::kHeld);
    EXPECT_THAT(holder_.in_words(file_), StartsWith(" (" + self));
    EXPECT_EQ(holder_of(file_).state, State::kHeld);
    EXPECT_THAT(holder_of(file_).who, StartsWith(self));
  }
  EXPECT_EQ(holder_of(file_).state, State::kFree);
  EXPECT_EQ(content(file_), "");
  EXPECT_TRUE(take());
}

TEST_P(ProcessLocks, AreHeldWhileTheyAreMoved) {
  std::optional<ProcessLock> first = take();
  ProcessLock second = std::move(*first);
  first.reset();
  EXPECT_EQ(holder_of(file_).state, State::kHeld);
  second = ProcessLock();
  EXPECT_EQ(holder_of(file_).state, State::kFree);
}

TEST_P(ProcessLocks, AreNobodysOnceTheirProcessIsDead) {
  const pid_t child = taken_by_one_that_dies();
  EXPECT_NE(content(file_), "");
  EXPECT_EQ(holder_of(file_).state, State::kFree) << "though nobody has waited for it yet";
  waitpid(child, nullptr, 0);
  EXPECT_EQ(holder_of(file_).state, State::kFree);
  EXPECT_TRUE(take());
}

TEST_P(ProcessLocks, AreNobodysWhereTheNumberIsAnotherProcesssMeanwhile) {
  waitpid(taken_by_one_that_dies(), nullptr, 0);
  change_note([](nlohmann::json& note) {
    note["process"] = getpid();
    note["start"] = "1";  // two processes of this test may have begun in one tick
  });
  EXPECT_EQ(holder_of(file_).state, State::kFree);
  EXPECT_TRUE(take());
}

TEST_P(ProcessLocks, OfAnotherMachineCannotBeSeenWithoutFlock) {
  waitpid(taken_by_one_that_dies(), nullptr, 0);
  change_note([](nlohmann::json& note) {
    note["space"] = "another";
    note["host"] = "node-3";
    note["process"] = 4711;
  });
  if (GetParam() == 0) {  // it is gone, or it would hold the flock
    EXPECT_EQ(holder_of(file_).state, State::kFree);
    EXPECT_TRUE(take());
    return;
  }
  EXPECT_EQ(holder_of(file_).state, State::kUnknown);
  EXPECT_FALSE(take());
  EXPECT_EQ(holder_.state, State::kUnknown);
  EXPECT_THAT(holder_.in_words(file_), StartsWith(" (process 4711 on node-3, and its file system"));
  EXPECT_THAT(holder_.in_words(file_), HasSubstr("remove " + file_.string()));
  fs::remove(file_);
  EXPECT_TRUE(take());
}

TEST_P(ProcessLocks, HoldWhicheverOfTheTwoHasFlock) {
  const std::optional<ProcessLock> first = take();
  flock_fails_with = GetParam() == 0 ? ENOSYS : 0;
  EXPECT_EQ(holder_of(file_).state, State::kHeld);
  EXPECT_FALSE(take());
}

TEST_P(ProcessLocks, TakeNoWordForANote) {
  std::ofstream(file_) << "{\"process\": -1e300, \"host\": [";
  EXPECT_EQ(holder_of(file_).state, GetParam() == 0 ? State::kFree : State::kUnknown);
  if (GetParam() != 0) {
    EXPECT_FALSE(take());
    EXPECT_THAT(holder_.in_words(file_), HasSubstr("(who is not known, and"));
  }
}

TEST_P(ProcessLocks, OfAFolderLeaveNoFileInIt) {
  const fs::path folder = folder_ / "folder";
  fs::create_directory(folder);
  const bool has_flock = GetParam() == 0;
  {
    const auto first = ProcessLock::take(folder, holder_);
    EXPECT_TRUE(first);
    EXPECT_EQ(fs::is_empty(folder), has_flock);
    EXPECT_FALSE(ProcessLock::take(folder, holder_));
    EXPECT_EQ(holder_of(folder).state, State::kHeld);
    flock_fails_with = has_flock ? ENOLCK : 0;
    if (!has_flock) {
      EXPECT_FALSE(ProcessLock::take(folder, holder_)) << "its note counts";
    }
  }
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_EQ(holder_of(folder).state, State::kFree);
}

TEST_P(ProcessLocks, AreTakenByOneAtMostOfManyThatComeAtOnce) {
  std::atomic<int> taken = 0, ready = 0;
  std::vector<std::thread> threads;
  std::vector<std::optional<ProcessLock>> locks(8);
  threads.reserve(locks.size());
  for (auto& lock : locks) {
    threads.emplace_back([&] {
      LockHolder holder;
      for (++ready; ready < 8;) std::this_thread::yield();
      lock = ProcessLock::take(file_, holder);
      if (lock) ++taken;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1);
}

TEST_P(ProcessLocks, AreTakenThoughSomebodyWasKilledWhileTakingThem) {
  std::ofstream(file_.string() + ".turn") << "";
  EXPECT_TRUE(take());
  EXPECT_EQ(fs::exists(file_.string() + ".turn"), GetParam() == 0);
}

TEST_P(ProcessLocks, AreNotTakenThroughALink) {
  std::ofstream(folder_ / "other") << "whole";
  fs::create_symlink(folder_ / "other", file_);
  EXPECT_THROW(take(), std::system_error);
  EXPECT_THROW(ProcessLock::take(folder_ / "no" / "folder", holder_), std::system_error);
  EXPECT_EQ(content(folder_ / "other"), "whole");
}

}  // namespace
}  // namespace detox
