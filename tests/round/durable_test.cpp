// What is on the disk before what, seen through functions of the C library that stand before the
// system's here: a program of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>

#include "record/journal.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace {

bool fails = false;
std::vector<std::string> calls;

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace

extern "C" int fsync(int fd) {
  std::error_code ignored;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
  calls.push_back("sync " + name_of(path.string()));
  if (fails && path.string().ends_with(".jsonl")) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fsync, fd));
}

extern "C" int rename(const char* from, const char* to) noexcept {
  calls.push_back("rename " + name_of(to));
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace detox {
namespace {

const std::map<std::string, std::string> kOptions = {
    {"max-steps", "10"}, {"eval-freq", "5"}, {"batch-size", "4"}};

/// Of the calls before the first one that is `what`.
std::vector<std::string> before(const std::string& what) {
  const auto found = std::ranges::find(calls, what);
  EXPECT_NE(found, calls.end()) << what;
  return {calls.begin(), found};
}

TEST(Journals, AreOnTheDiskBeforeTheCheckpointThatFollowsFromThem) {
  const TemporaryDirectory directory;
  calls.clear();
  ToyRun(directory / "run", kOptions).over_local_engine();
  for (const char* file : {"state_step_5", "model_step_5", "state_step_10", "model_step_10"}) {
    const std::vector<std::string> first = before(std::string("rename ") + file);
    const auto syncs = static_cast<std::ptrdiff_t>(std::string(file).ends_with("10") ? 2 : 1);
    for (const char* journal : {"metrics.jsonl", "rounds.jsonl", "ledger.jsonl"})
      EXPECT_EQ(std::ranges::count(first, std::string("sync ") + journal), syncs) << file;
  }
}

TEST(Journals, ThatCannotBeMadeDurableAreToldAndTheRunGoesOn) {
  const TemporaryDirectory directory;
  fails = true;
  testing::internal::CaptureStderr();
  const RunEnd end = ToyRun(directory / "run", kOptions).over_local_engine();
  const std::string told = testing::internal::GetCapturedStderr();
  fails = false;
  EXPECT_EQ(end, RunEnd::kFinished);
  EXPECT_THAT(told, testing::HasSubstr("rounds.jsonl durable: "));
  EXPECT_EQ(list_checkpoints(directory / "run"), (std::vector<std::uint64_t>{5, 10}));
}

}  // namespace
}  // namespace detox
