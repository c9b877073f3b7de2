// The command line of `launch`, with a script in place of mpirun that shows what it was given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/command.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

class Launch : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(testing::TempDir()) / ("launch_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    old_path_ = std::getenv("PATH");
    setenv("PATH", (directory_.string() + ":" + old_path_).c_str(), 1);
    write("mpirun", "#!/bin/sh\nfor a; do printf '[%s]' \"$a\"; done > " +
                        (directory_ / "given").string() + "\nenv > " +
                        (directory_ / "environment").string() + "\necho 5 > $DETOX_RESULT_FILE\n");
    std::filesystem::permissions(directory_ / "mpirun", std::filesystem::perms::owner_all);
  }
  void TearDown() override {
    setenv("PATH", old_path_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(directory_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static int launch(const std::string& line) {
    CLI::App program("detoxml");
    program.add_subcommand("train");
    const Command command = launch_command(program);
    program.parse(line);
    return command.run();
  }

  std::filesystem::path directory_;
  std::string old_path_;
};

TEST_F(Launch, PassesOnWhatFollowsTheDashesAsItIs) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(launch("launch -n 10 -- train -n 3 --lr 0.1 --nesterov"), 5);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("ranks 0-9      localhost"));
  const std::string given = read("given");
  EXPECT_THAT(given, HasSubstr("[-n][10][--host][localhost:10]"));
  EXPECT_THAT(given, HasSubstr("[--oversubscribe][--bind-to][none]"));
  EXPECT_THAT(given, HasSubstr("launch_test][train][-n][3][--lr][0.1][--nesterov]"));
}

TEST_F(Launch, ShowsTheHelpThatIsAskedForBehindTheDashesAndStartsNothing) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(launch("launch -n 10 --hostfile nowhere -- train --lr 0.1 --help"), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("Usage: detoxml train"));
}

TEST_F(Launch, GivesAllRanksTheProfileOfThisMachine) {
  setenv("DETOX_PROFILE", "baseline", 1);
  testing::internal::CaptureStdout();
  launch("launch -n 2 -- train");
  testing::internal::GetCapturedStdout();
  unsetenv("DETOX_PROFILE");
  EXPECT_THAT(read("given"), HasSubstr("[-x][OPENBLAS_CORETYPE]"));
  EXPECT_THAT(read("given"), HasSubstr("[-x][DETOX_PROFILE]"));
  EXPECT_THAT(read("environment"), HasSubstr("OPENBLAS_CORETYPE=Prescott\n"));
}

/// A job whose workers disagree until it is portable.
constexpr const char* kDisagreeing = R"(#!/bin/sh
echo $DETOX_PROFILE >> "$(dirname "$0")/profiles"
[ $DETOX_PROFILE = portable ] && code=0 || code=4
echo $code > $DETOX_RESULT_FILE
)";

TEST_F(Launch, StartsAJobOnceMoreUnderThePortableProfileWhereItsWorkersDisagree) {
  write("mpirun", kDisagreeing);
  setenv("DETOX_PROFILE", "baseline", 1);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch("launch -n 2 -- train"), 0);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("starting again"));
  EXPECT_EQ(read("profiles"), "baseline\nportable\n");
  EXPECT_EQ(launch("launch -n 2 -- train --numerics native"), 4);
  EXPECT_EQ(launch("launch -n 2 -- train --numerics portable"), 0);
  EXPECT_EQ(read("profiles"), "baseline\nportable\nbaseline\nportable\n");
  testing::internal::GetCapturedStdout();
  unsetenv("DETOX_PROFILE");
}

TEST_F(Launch, DoesNotStartAPortableJobAgain) {
  write("mpirun",
        "#!/bin/sh\necho x >> \"$(dirname \"$0\")/starts\"\necho 4 > $DETOX_RESULT_FILE\n");
  setenv("DETOX_PROFILE", "baseline", 1);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch("launch -n 2 -- train"), 4);
  EXPECT_EQ(read("starts"), "x\nx\n");
  testing::internal::GetCapturedStderr();
  testing::internal::GetCapturedStdout();
  unsetenv("DETOX_PROFILE");
}

TEST_F(Launch, DoesNotStartAJobAgainThatSomebodyWantedToEnd) {
  write("mpirun",
        "#!/bin/sh\necho x >> \"$(dirname \"$0\")/starts\"\necho 4 > $DETOX_RESULT_FILE\n"
        "kill -INT $PPID; sleep 1\n");
  setenv("DETOX_PROFILE", "baseline", 1);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch("launch -n 2 -- train"), 4);
  EXPECT_EQ(read("starts"), "x\n");
  testing::internal::GetCapturedStderr();
  testing::internal::GetCapturedStdout();
  unsetenv("DETOX_PROFILE");
}

TEST_F(Launch, TakesNoExitCodeOfMpirunsForTheServersWhereItIsOnAnotherMachine) {
  write("mpirun", "#!/bin/sh\necho x >> \"$(dirname \"$0\")/starts\"\nexit 4\n");
  write("hosts", "198.51.100.1\n198.51.100.2\n");
  setenv("DETOX_PROFILE", "baseline", 1);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      launch("launch -n 2 --no-checks --hostfile " + (directory_ / "hosts").string() + " -- train"),
      4);
  EXPECT_EQ(read("starts"), "x\n");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("on another machine"));
  testing::internal::GetCapturedStdout();
  unsetenv("DETOX_PROFILE");
}

TEST_F(Launch, NamesAnMpirunThatIsAnothers) {
  write("mpirun",
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'HYDRA build details:' && exit 0\nexit 255\n");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch("launch -n 2 -- train"), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("before MPI had started: the first mpirun on PATH is not Open MPI's, but "
                        "says 'HYDRA build details:'"));
  testing::internal::GetCapturedStdout();
}

TEST_F(Launch, RefusesAFolderForAJobsFilesThatCannotBeWritten) {
  const char* set = std::getenv("TMPDIR");
  const std::string before = set != nullptr ? set : "";
  setenv("TMPDIR", "/proc", 1);  // not even root writes there
  try {
    launch("launch -n 2 -- train");
    ADD_FAILURE() << "it starts";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("temporary files: "));
    EXPECT_THAT(error.what(), HasSubstr("/proc"));
  }
  before.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", before.c_str(), 1);
  EXPECT_EQ(read("given"), "");
}

TEST_F(Launch, ReachesOtherHostsOneByOneAsItsChecksDo) {
  write("mpirun",
        "#!/bin/sh\nfor a; do printf '[%s]' \"$a\"; case $a in \"/bin/sh \"*) cat ${a#* } >&2;; "
        "esac; "
        "done > " +
            (directory_ / "given").string() + "\necho 0 > $DETOX_RESULT_FILE\n");
  write("hosts", "localhost\n198.51.100.2\n");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch("launch -n 2 --no-checks --agent ssh --hostfile " +
                   (directory_ / "hosts").string() + " -- train"),
            0);
  testing::internal::GetCapturedStdout();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::AllOf(HasSubstr("exec ssh "), HasSubstr("BatchMode=yes"),
                             HasSubstr(" -T -- \"$@\"")));
  EXPECT_THAT(read("given"),
              HasSubstr("[--mca][plm][^slurm,tm,lsf,alps,pals][--mca][plm_rsh_no_tree_spawn][1]"));
}

TEST_F(Launch, ShowsWholeLinesWithTheirRankWhereThatIsAskedFor) {
  write("mpirun",
        "#!/bin/sh\nprintf '[1,0]<stdout>:a[1,1]<stdout>:b\\n[1,0]<stdout>:c\\n'\n"
        "echo 0 > $DETOX_RESULT_FILE\n");
  testing::internal::CaptureStdout();
  EXPECT_EQ(launch("launch -n 2 -- train"), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("\nb\nac\n"));
  testing::internal::CaptureStdout();
  EXPECT_EQ(launch("launch -n 2 --tag-output -- train"), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("\nrank 1: b\nrank 0: ac\n"));
}

TEST_F(Launch, RefusesSrunOutsideAJobOfSlurms) {
  write("hosts", "198.51.100.1\n");
  write("srun", "#!/bin/sh\n");
  std::filesystem::permissions(directory_ / "srun", std::filesystem::perms::owner_all);
  unsetenv("SLURM_JOB_ID");
  testing::internal::CaptureStdout();
  EXPECT_THROW(launch("launch -n 2 --agent srun --hostfile " + (directory_ / "hosts").string() +
                      " -- train"),
               UsageError);
  testing::internal::GetCapturedStdout();
}

TEST_F(Launch, PlacesRanksAsTheHostfileSays) {
  write("hosts", "127.0.0.1\nlocalhost slots=3\n");
  testing::internal::CaptureStdout();
  EXPECT_EQ(
      launch("launch -n 3 --no-checks --hostfile " + (directory_ / "hosts").string() + " -- train"),
      5);
  testing::internal::GetCapturedStdout();
  EXPECT_THAT(read("given"), HasSubstr("[--host][127.0.0.1:1,localhost:2]"));
}

TEST_F(Launch, RefusesTooFewPlacesBeforeItStartsAnything) {
  write("hosts", "a\nb\n");
  EXPECT_THROW(launch("launch -n 3 --hostfile " + (directory_ / "hosts").string() + " -- train"),
               UsageError);
  EXPECT_EQ(read("given"), "");
}

TEST_F(Launch, RefusesAnUnreadableHostfileAndAMissingCommand) {
  EXPECT_THROW(launch("launch -n 3 --hostfile /no/such/file -- train"), UsageError);
  const std::string pipe = directory_ / "pipe";  // without a writer: opening it would wait
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(launch("launch -n 3 --hostfile " + pipe + " -- train"), UsageError);
  EXPECT_THROW(launch("launch -n 3"), UsageError);
  EXPECT_THROW(launch("launch -n 3 -- evaluate"), UsageError);
  EXPECT_THROW(launch("launch -n 1 -- train"), CLI::ParseError);
  EXPECT_THROW(launch("launch -- train"), CLI::ParseError);
}

}  // namespace
}  // namespace detox
