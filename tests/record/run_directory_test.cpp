#include "record/run_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "record/small_network.hpp"
#include "support/in_child.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RunFolder : public testing::Test {
 protected:
  std::string create_error() const {
    return message_of<InputError>([this] { RunDirectory::create(dir_); });
  }
  static std::string file_text(const fs::path& file) {
    return std::string(text_of(read_file(file)));
  }
  TemporaryFolder folder_;
  fs::path dir_ = folder_.path() / "output" / "models";
};

TEST_F(RunFolder, IsMadeWithThoseAboveIt) {
  const RunDirectory run = RunDirectory::create(dir_);
  EXPECT_TRUE(fs::is_directory(dir_));
  EXPECT_EQ(run.path(), dir_);
}

TEST_F(RunFolder, MayBeCreatedAgainWhileItHoldsNothing) {
  RunDirectory::create(dir_);
  EXPECT_EQ(create_error(), "");
}

TEST_F(RunFolder, IsRefusedWhereItHoldsCheckpoints) {
  fs::create_directories(dir_);
  save_checkpoint(dir_, small_layout(), small_model(), small_state(50));
  save_checkpoint(dir_, small_layout(), small_model(), small_state(150));
  EXPECT_EQ(create_error(), dir_.string() +
                                " holds another run, whose newest checkpoint is of step 150; "
                                "go on with it (--resume auto), move it aside (--overwrite) or "
                                "choose another --train-dir");
  RunDirectory::open_for_resume(dir_);
}

TEST_F(RunFolder, IsRefusedWhereItHoldsAnythingOfARun) {
  for (const char* name : {"config.toml", "run.json", "metrics.jsonl", "attackers.jsonl",
                           "model_step_5", "state_step_5"}) {
    put_file(dir_ / name, "");
    EXPECT_THAT(create_error(), HasSubstr("holds another run, which left no checkpoint")) << name;
    fs::remove(dir_ / name);
  }
  put_file(dir_ / "notes.txt", "");
  EXPECT_EQ(create_error(), "");
}

TEST_F(RunFolder, IsNotBlockedByAStartThatFailed) {
  for (const std::uint64_t step : {0U, 1U}) {
    {
      const RunDirectory run = RunDirectory::create(dir_);
      run.write_config("seed = 1");
      put_file(dir_ / "metrics.jsonl", "");
      run.write_status({RunState::kFailed, step, "libtorch failed"});
    }
    if (step == 0) {
      EXPECT_EQ(create_error(), "");
      EXPECT_FALSE(holds_run(dir_));
    } else {
      EXPECT_THAT(create_error(), HasSubstr("holds another run"));
    }
  }
}

TEST_F(RunFolder, IsRefusedWhereAFailedStartHasCountedAStep) {
  {
    const RunDirectory run = RunDirectory::create(dir_);
    run.write_status({RunState::kFailed, 0, "libtorch failed"});
  }
  put_file(dir_ / "metrics.jsonl", "{}\n");
  EXPECT_THAT(create_error(), HasSubstr("holds another run"));
}

TEST_F(RunFolder, IsMovedAsideWithAllThatIsInIt) {
  EXPECT_EQ(RunDirectory::move_aside(dir_), "");
  fs::create_directories(dir_);
  EXPECT_EQ(RunDirectory::move_aside(dir_), "") << "there was no run";
  put_file(fs::path(dir_.string() + ".old-2"), "somebody's");
  for (const int number : {1, 3}) {
    RunDirectory::create(dir_).write_config("run " + std::to_string(number));
    put_file(dir_ / "notes.txt", "mine");
    const fs::path aside = dir_.string() + ".old-" + std::to_string(number);
    const fs::path moved = RunDirectory::move_aside(dir_.string() + "/");
    EXPECT_EQ(moved, fs::canonical(aside));
    EXPECT_EQ(file_text(aside / "config.toml"), "run " + std::to_string(number));
    EXPECT_EQ(file_text(aside / "notes.txt"), "mine");
    EXPECT_TRUE(fs::is_empty(dir_));
  }
  EXPECT_EQ(file_text(dir_.string() + ".old-2"), "somebody's");
}

TEST_F(RunFolder, IsMovedWhereALinkLeadsAndTheLinkStays) {
  RunDirectory::create(dir_).write_config("x");
  const fs::path link = folder_.path() / "link";
  fs::create_directory_symlink(dir_, link);
  RunDirectory::move_aside(link);
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(fs::is_empty(link));
  EXPECT_TRUE(fs::exists(dir_.string() + ".old-1/config.toml"));
}

TEST_F(RunFolder, IsNotMovedWhereItIsInUseOrNoRunsAlone) {
  const auto refused = [this] {
    return message_of<InputError>([this] { RunDirectory::move_aside(dir_); });
  };
  {
    const RunDirectory run = RunDirectory::create(dir_);
    run.write_config("x");
    EXPECT_THAT(refused(), HasSubstr("another process is using the train directory"));
  }
  fs::create_directory(dir_ / "pictures");
  EXPECT_THAT(refused(), HasSubstr("it holds the folder pictures, too"));
  fs::remove(dir_ / "pictures");
  const fs::path before = fs::current_path();
  fs::current_path(dir_);
  EXPECT_THAT(refused(), HasSubstr("it is the current directory"));
  fs::current_path(before);
  const char* home = std::getenv("HOME");
  const std::string kept = home == nullptr ? "" : home;
  setenv("HOME", dir_.c_str(), 1);
  EXPECT_THAT(refused(), HasSubstr("it is the home directory"));
  setenv("HOME", kept.c_str(), 1);
  EXPECT_TRUE(fs::exists(dir_ / "config.toml"));
  EXPECT_NE(RunDirectory::move_aside(dir_), "");
}

TEST_F(RunFolder, IsRefusedWhileAnotherUsesIt) {
  const RunDirectory run = RunDirectory::create(dir_);
  EXPECT_THAT(create_error(), HasSubstr("another process is using the train directory"));
  EXPECT_EQ(in_child([&] {
              return message_of<InputError>([&] { RunDirectory::open_for_resume(dir_); }).empty();
            }),
            0);
}

TEST_F(RunFolder, IsFreeAfterItsProcessDied) {
  EXPECT_EQ(in_child([&] {
              const RunDirectory run = RunDirectory::create(dir_);
              run.write_status({RunState::kRunning, 3, ""});
              _exit(5);
              return 0;
            }),
            5);
  EXPECT_EQ(user_of_run_directory(dir_).state, LockHolder::State::kFree);
  EXPECT_EQ(read_status(dir_)->state, RunState::kRunning);
  RunDirectory::open_for_resume(dir_);
}

TEST_F(RunFolder, TellsOthersWhetherItIsInUse) {
  EXPECT_EQ(user_of_run_directory(dir_).state, LockHolder::State::kFree);
  {
    const RunDirectory run = RunDirectory::create(dir_);
    EXPECT_EQ(user_of_run_directory(dir_).state, LockHolder::State::kHeld);
  }
  EXPECT_EQ(user_of_run_directory(dir_).state, LockHolder::State::kFree);
}

TEST_F(RunFolder, HoldsItsStatus) {
  EXPECT_FALSE(read_status(dir_).has_value());
  const RunDirectory run = RunDirectory::create(dir_);
  for (const RunState state :
       {RunState::kRunning, RunState::kFinished, RunState::kInterrupted, RunState::kFailed}) {
    run.write_status({state, 42, "a \"message\""});
    const auto status = read_status(dir_);
    ASSERT_TRUE(status.has_value());
    EXPECT_EQ(status->state, state);
    EXPECT_EQ(status->step, 42U);
    EXPECT_EQ(status->message, "a \"message\"");
  }
}

TEST_F(RunFolder, HoldsWhereConvictedWorkersWere) {
  const RunDirectory run = RunDirectory::create(dir_);
  run.write_status({RunState::kRunning, 42, "", {{2, "node7"}, {11, "a \"host\""}}});
  EXPECT_EQ(get_file(dir_ / "run.json"),
            R"({"convicted_on":[{"host":"node7","worker":3},{"host":"a \"host\"","worker":12}],)"
            R"("message":"","status":"running","step":42})"
            "\n");
  EXPECT_EQ(read_status(dir_)->convicted_on, (HostsOfWorkers{{2, "node7"}, {11, "a \"host\""}}));
  run.write_status({RunState::kRunning, 43, ""});
  EXPECT_EQ(get_file(dir_ / "run.json"), "{\"message\":\"\",\"status\":\"running\",\"step\":43}\n");
}

TEST_F(RunFolder, SaysWhenItsStatusIsDamaged) {
  for (const char* text :
       {"", "{", "[]", "{\"status\":\"running\"}",
        R"({"status":"running","step":1,"message":"","convicted_on":{}})",
        R"({"status":"running","step":1,"message":"","convicted_on":[3]})",
        R"({"status":"running","step":1,"message":"","convicted_on":[{"host":"a","worker":0}]})",
        R"({"status":"running","step":1,"message":"","convicted_on":[{"host":7,"worker":1}]})",
        "{\"status\":\"asleep\",\"step\":1,\"message\":\"\"}",
        "{\"status\":\"running\",\"step\":-1,\"message\":\"\"}"}) {
    put_file(dir_ / "run.json", text);
    EXPECT_THAT(message_of<InputError>([&] { read_status(dir_); }),
                HasSubstr("run.json is damaged"))
        << text;
  }
}

TEST_F(RunFolder, HoldsItsConfiguration) {
  const RunDirectory run = RunDirectory::create(dir_);
  run.write_config("seed = 428\n");
  EXPECT_EQ(get_file(dir_ / "config.toml"), "seed = 428\n");
}

TEST_F(RunFolder, RemovesWhatAKilledProcessLeftAndNothingElse) {
  const std::array left = {".model_step_5.99.tmp",  ".state_step_5.99.tmp",
                           ".config.toml.99.tmp",   ".run.json.99.tmp",
                           ".metrics.jsonl.99.tmp", ".attackers.jsonl.99.tmp"};
  const std::array others = {".mine.tmp", ".mine.99.tmp", ".model_step_x.99.tmp"};
  for (const char* name : left) put_file(dir_ / name, "half");
  for (const char* name : others) put_file(dir_ / name, "somebody else's");
  RunDirectory::create(dir_);
  for (const char* name : left) EXPECT_FALSE(fs::exists(dir_ / name)) << name;
  for (const char* name : others) EXPECT_TRUE(fs::exists(dir_ / name)) << name;
}

TEST_F(RunFolder, RemovesNothingBeforeItIsAccepted) {
  put_file(dir_ / ".model_step_5.99.tmp", "half");
  put_file(dir_ / "config.toml", "");
  EXPECT_THAT(create_error(), HasSubstr("holds another run"));
  const RunDirectory run = RunDirectory::open_for_resume(dir_);
  EXPECT_TRUE(fs::exists(dir_ / ".model_step_5.99.tmp"));
  run.remove_leftovers();
  EXPECT_FALSE(fs::exists(dir_ / ".model_step_5.99.tmp"));
}

TEST(RunDirectory, NamesAPlaceThatCannotBeWritten) {
  EXPECT_THAT(message_of<InputError>([] { RunDirectory::create("/proc/detox"); }),
              HasSubstr("cannot make the train directory /proc/detox"));
  EXPECT_THAT(message_of<InputError>([] { RunDirectory::create("/proc"); }),
              HasSubstr("cannot write to the train directory /proc"));
  EXPECT_THAT(message_of<InputError>([] { RunDirectory::create("/dev/null/x"); }),
              HasSubstr("cannot make the train directory"));
  EXPECT_EQ(message_of<InputError>([] { RunDirectory::open_for_resume("/proc/nonexistent"); }),
            "there is no train directory /proc/nonexistent to resume");
}

}  // namespace
}  // namespace detox
