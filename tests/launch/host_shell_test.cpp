// Scripts stand in for srun and for an agent of the user's; ssh itself is in tests/cluster.
#include "launch/host_shell.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>

#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

class Shell : public testing::Test {
 protected:
  void SetUp() override {
    setenv("PATH", (directory_.path().string() + ":" + old_path_).c_str(), 1);
    unsetenv("SLURM_JOB_ID");
  }
  void TearDown() override {
    setenv("PATH", old_path_.c_str(), 1);
    unsetenv("SLURM_JOB_ID");
    unsetenv("OMPI_MCA_plm_rsh_agent");
  }
  void program(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << "#!/bin/sh\n" << text;
    std::filesystem::permissions(directory_ / name, std::filesystem::perms::owner_all);
  }

  TemporaryDirectory directory_;
  std::string old_path_ = std::getenv("PATH");
};

/// As srun does: options, --nodelist HOST, then the program.
constexpr const char* kFakeSrun = R"(while [ "$1" != --nodelist ]; do shift; done
[ "$2" = gone ] && { echo 'srun: error: Unable to create step' >&2; exit 1; }
HOST=$2; export HOST; shift 2; exec "$@"
)";

TEST_F(Shell, IsSrunInAJobOfSlurms) {
  program("srun", kFakeSrun);
  EXPECT_EQ(HostShell("auto").name(), "ssh");
  setenv("SLURM_JOB_ID", "7", 1);
  const HostShell shell("auto");
  EXPECT_EQ(shell.name(), "srun");
  EXPECT_TRUE(shell.ends_with_its_command());
  const RemoteResult result =
      shell.run("node3", "echo \"$HOST's\"; echo no >&2; exit 3", seconds(10));
  EXPECT_TRUE(result.reached);
  EXPECT_EQ(result.output, "node3's\n");
  EXPECT_EQ(result.errors, "no\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST_F(Shell, SaysWhereSrunReachesNobody) {
  program("srun", kFakeSrun);
  setenv("SLURM_JOB_ID", "7", 1);
  const RemoteResult result = HostShell("srun").run("gone", "exit 0", seconds(10));
  EXPECT_FALSE(result.reached);
  EXPECT_THAT(result.failure(), HasSubstr("Unable to create step"));
}

TEST_F(Shell, GivesMpirunAScriptThatDoesTheSame) {
  program("srun", kFakeSrun);
  setenv("SLURM_JOB_ID", "7", 1);
  std::ofstream(directory_ / "agent") << HostShell("auto").agent_script();
  // As mpirun calls it: a line for a shell, in one word or more.
  const std::string call = "/bin/sh " + (directory_ / "agent").string() +
                           " node2 'A=1; export A; ' 'test $A$HOST = 1node2 && touch' " +
                           (directory_ / "done").string();
  EXPECT_EQ(std::system(call.c_str()), 0);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "done"));
}

TEST_F(Shell, IsTheAgentThatTheUserHasForMpirun) {
  program("agent", "[ $1 = -q ] || exit 9\nHOST=$2; export HOST; shift 2; exec sh -c \"$*\"\n");
  setenv("OMPI_MCA_plm_rsh_agent", "agent -q", 1);
  const HostShell shell("auto");
  EXPECT_EQ(shell.run("node1", "echo $HOST 'a  b'", seconds(10)).output, "node1 a  b\n");
  EXPECT_EQ(shell.agent_script(), "") << "mpirun has it from the environment";
  EXPECT_EQ(HostShell("ssh").name(), "ssh");
}

TEST_F(Shell, RefusesSrunWhereThereIsNoJob) {
  program("srun", kFakeSrun);
  EXPECT_THROW(HostShell("srun"), UsageError);
}

}  // namespace
}  // namespace detox
