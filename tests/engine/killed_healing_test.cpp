// A run that goes back, killed before and in the middle of each thing that it does to its
// directory meanwhile, or refused once, through functions of the C library that stand before the
// system's here: a program of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>

#include "base/ed25519.hpp"
#include "support/attacked_run.hpp"
#include "support/in_child.hpp"
#include "support/key_files.hpp"

namespace {

enum class Blow { kNone, kKill, kTear, kRefuse };

Blow blow = Blow::kNone;
bool is_looked_at = false;
int seen = 0, struck = 0;  // changes of the directory

bool is_struck() {
  const bool now = is_looked_at && ++seen == struck;
  if (now && blow == Blow::kKill) raise(SIGKILL);
  return now;
}

}  // namespace

extern "C" ssize_t write(int fd, const void* bytes, size_t size) {
  if (fd > STDERR_FILENO && is_struck()) {
    if (blow == Blow::kTear) {
      syscall(SYS_write, fd, bytes, size / 2);
      raise(SIGKILL);
    }
    errno = ENOSPC;
    return -1;
  }
  return syscall(SYS_write, fd, bytes, size);
}

extern "C" int rename(const char* from, const char* to) noexcept {
  is_struck();
  // The last that it does; what the next step does is another matter.
  if (std::string_view(to).ends_with("/run.json")) is_looked_at = false;
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

extern "C" int remove(const char* path) noexcept {
  is_struck();
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

namespace detox {
namespace {

class KilledHealing : public testing::Test {
 protected:
  /// Strikes at this change of the directory after the step that it goes back from. What is left:
  /// kFinished, kDied, or kEnough where there are fewer.
  enum Left { kFinished, kFailed, kEnough, kDied = -1 };
  Left struck_at(int change, Blow kind, ToyRun& run) const {
    return static_cast<Left>(in_child([&] {
      std::uint64_t steps = 0;
      run.after_step = [&](std::uint64_t) { is_looked_at = ++steps == from_; };
      struck = change;
      blow = kind;
      try {
        run.over_local_engine();
      } catch (const std::exception&) {
        return kFailed;
      }
      return seen < change ? kEnough : kFinished;
    }));
  }
  void expect_verified_and_replayed(AttackedRun& run) const {
    const Verified verified = run.run.verify({.key = &public_});
    EXPECT_THAT(verified.differences, testing::IsEmpty());
    EXPECT_EQ(verified.last_signed, 12U);
    AttackedRun replayed(with(options_, {{"replay", (run.directory / "run").string()}}));
    EXPECT_EQ(replayed.locally().bytes(), whole_->bytes());
  }
  /// A run that goes back once, to a checkpoint behind which there are others.
  void SetUp() override {
    for (int seed = 1; from_ == 0; ++seed) {
      ASSERT_LT(seed, 200);
      options_["seed"] = std::to_string(seed);
      whole_.emplace(options_).locally();
      std::vector<nlohmann::json> backs = whole_->run.journal("rounds.jsonl");
      std::erase_if(backs, [](const nlohmann::json& line) { return !line.contains("back_from"); });
      if (backs.size() != 1 || backs[0]["step"] == 0U) continue;
      if (backs[0]["back_from"] > backs[0]["step"].get<std::uint64_t>() + 3)
        from_ = backs[0]["back_from"];
    }
  }

  TemporaryDirectory keys_;
  const PublicKey public_{put_key(keys_ / "public.pem", kPublishedPublicKey)};
  Options options_ = {{"approach", "audit"},
                      {"workers", "11"},
                      {"batch-size", "4"},
                      {"max-steps", "12"},
                      {"eval-freq", "2"},
                      {"audit-rate", "0.2"},
                      {"assume-fail", "2"},
                      {"worker-fail", "2"},
                      {"lie-rate", "0.1"},
                      {"heal", "on"},
                      {"momentum", "0.9"},
                      {"err-mode", "rev_grad"},
                      {"sign-key", put_key(keys_ / "private.pem", kPublishedKey).string()}};
  std::optional<AttackedRun> whole_;
  std::uint64_t from_ = 0;
};

TEST_F(KilledHealing, GoesOnToTheSameFilesWhereverItWasKilledWhileItWentBack) {
  for (const Blow kind : {Blow::kKill, Blow::kTear}) {
    for (int change = 1;; ++change) {
      SCOPED_TRACE(change);
      AttackedRun killed(options_);
      const Left left = struck_at(change, kind, killed.run);
      if (left == kEnough) break;
      if (left == kFinished) continue;  // there is nothing to tear
      ASSERT_EQ(left, kDied);
      killed.run.resume = true;
      killed.locally();
      for (const auto& entry : std::filesystem::directory_iterator(whole_->directory / "run")) {
        const std::string name = entry.path().filename().string();
        const bool has_times = name == "metrics.jsonl";
        if (!has_times && (name.ends_with(".jsonl") || name.ends_with(".sig") ||
                           name.find("_step_") != std::string::npos)) {
          EXPECT_EQ(killed.run.file(name), whole_->run.file(name)) << name;
        }
      }
      if (change % 8 == 0) expect_verified_and_replayed(killed);
    }
  }
}

TEST_F(KilledHealing, EndsOrGoesOnWhereTheDiskIsFullForOnceAndLosesNoLineAboutIt) {
  std::size_t ended = 0, went_on = 0;
  for (int change = 1;; ++change) {
    SCOPED_TRACE(change);
    AttackedRun refused(options_);
    const Left left = struck_at(change, Blow::kRefuse, refused.run);
    if (left == kEnough) break;
    ASSERT_NE(left, kDied);
    ++(left == kFailed ? ended : went_on);
    if (left == kFailed) {
      refused.run.resume = true;
      refused.locally();
    }
    EXPECT_EQ(refused.bytes(), whole_->bytes());
    expect_verified_and_replayed(refused);
  }
  EXPECT_GT(ended, 0U);
  EXPECT_GT(went_on, 0U);
}

}  // namespace
}  // namespace detox
