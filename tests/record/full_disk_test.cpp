// What is left when the disk is full: simulated by a limit on the size of files, and, where the
// system lets us, a file system of 64 KiB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint.hpp"
#include "record/checkpoint_files.hpp"
#include "record/journal.hpp"
#include "support/in_child.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

constexpr int kPassed = 0, kFailed = 1, kNotPermitted = 77;

void limit_file_size(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {bytes, bytes};
  setrlimit(RLIMIT_FSIZE, &limit);
}

ModelLayout layout_of(std::size_t parameters) {
  ModelLayout layout;
  layout.parameters = {{"w", {static_cast<std::int64_t>(parameters)}, 0, parameters}};
  return layout;
}

void save(const fs::path& dir, std::uint64_t step, std::size_t parameters, bool momentum) {
  TrainingState state;
  state.step = step;
  if (momentum) state.momentum.assign(parameters, 1.0F);
  save_checkpoint(dir, layout_of(parameters), {std::vector<float>(parameters, 2.0F), {}, {}},
                  state);
}

std::vector<std::string> names_in(const fs::path& dir) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

int check(bool condition, const char* what) {
  if (!condition) std::fprintf(stderr, "in the child: not so: %s\n", what);
  return condition ? kPassed : kFailed;
}

TEST(FullDisk, LeavesThePreviousFileAndNoTemporary) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "f";
  write_atomically(file, "before");
  const int code = in_child([&] {
    limit_file_size(1000);
    const std::string message =
        message_of<InputError>([&] { write_atomically(file, std::string(5000, 'x')); });
    return check(message == "cannot write " + file.string() + ": File too large", message.c_str());
  });
  EXPECT_EQ(code, kPassed);
  EXPECT_EQ(get_file(file), "before");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("f"));
}

TEST(FullDisk, DuringTheStateLeavesThePreviousCheckpoint) {
  const TemporaryFolder folder;
  save(folder.path(), 50, 10'000, true);
  const int code = in_child([&] {
    limit_file_size(1000);
    return check(!message_of<InputError>([&] { save(folder.path(), 100, 10'000, true); }).empty(),
                 "an error is reported");
  });
  EXPECT_EQ(code, kPassed);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("model_step_50", "state_step_50"));
  EXPECT_EQ(load_checkpoint(model_path(folder.path(), 50), layout_of(10'000)).state.step, 50U);
}

TEST(FullDisk, DuringTheModelLeavesThePreviousCheckpointAndNoHalfOne) {
  const TemporaryFolder folder;
  save(folder.path(), 50, 10'000, false);
  const int code = in_child([&] {
    limit_file_size(2000);  // enough for a state without momentum
    const std::string message =
        message_of<InputError>([&] { save(folder.path(), 100, 10'000, false); });
    return check(message.find("model_step_100: File too large") != std::string::npos,
                 message.c_str());
  });
  EXPECT_EQ(code, kPassed);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("model_step_50", "state_step_50"));
  EXPECT_EQ(load_checkpoint(model_path(folder.path(), 50), layout_of(10'000)).state.step, 50U);
}

TEST(FullDisk, CutsAJournalBackToWholeLinesAndLetsItGoOn) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "metrics.jsonl";
  const int code = in_child([&] {
    limit_file_size(100);
    Journal journal(file);
    int failures = 0;
    failures += check(journal.append({{"step", 1}}), "a line fits");
    failures += check(!journal.append({{"text", std::string(200, 'x')}}), "a long one does not");
    failures += check(journal.last_error().find("File too large") != std::string::npos, "why");
    failures += check(journal.append({{"step", 2}}), "the next short one does");
    return failures == 0 ? kPassed : kFailed;
  });
  EXPECT_EQ(code, kPassed);
  EXPECT_EQ(get_file(file), "{\"step\":1}\n{\"step\":2}\n");
}

/// In a mount namespace of the child's own, so that the mount goes with it.
bool mount_small_disk(const fs::path& dir) {
  return unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", dir.c_str(), "tmpfs", 0, "size=64k") == 0;
}

int fill_small_disk(const fs::path& dir) {
  if (!mount_small_disk(dir)) return kNotPermitted;
  constexpr std::size_t kParameters = 3'000;  // 12 KB a file: two checkpoints fit, a third does not
  save(dir, 1, kParameters, true);
  save(dir, 2, kParameters, true);
  const std::string message = message_of<InputError>([&] { save(dir, 3, kParameters, true); });
  int failures =
      check(message.find("No space left on device") != std::string::npos, message.c_str());
  failures += check(list_checkpoints(dir) == std::vector<std::uint64_t>({1, 2}), "two are left");
  failures += check(names_in(dir).size() == 4, "and nothing else");
  load_checkpoint(model_path(dir, 2), layout_of(kParameters));

  Journal journal(dir / "metrics.jsonl");
  while (journal.append({{"text", std::string(999, 'x')}})) {
  }
  const std::string lines = get_file(dir / "metrics.jsonl");
  failures += check(lines.ends_with("\"}\n"), "the journal ends with a whole line");
  prune_checkpoints(dir, 1);
  failures += check(journal.append({{"step", 1}}), "with space again the journal goes on");
  save(dir, 3, kParameters, true);
  return failures == 0 ? kPassed : kFailed;
}

TEST(FullDisk, OfARealFileSystemLosesNeitherCheckpointNorJournal) {
  const TemporaryFolder folder;
  const int code = in_child([&] {
    try {
      return fill_small_disk(folder.path());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
      return kFailed;
    }
  });
  if (code == kNotPermitted) GTEST_SKIP() << "this process may not mount a tmpfs";
  EXPECT_EQ(code, kPassed);
}

}  // namespace
}  // namespace detox
