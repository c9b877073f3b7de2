#include "cluster/ssh.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using std::chrono::seconds;

/// A program of ours in place of ssh, first on PATH: what is asked of ssh, and how often. The real
/// one against a real sshd: tests/program/cluster_hosts_test.py.
class InPlaceOfSsh : public testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("PATH");
    path_before_ = path == nullptr ? "" : path;
    ASSERT_EQ(setenv("PATH", (folder_.path().string() + ":" + path_before_).c_str(), 1), 0);
    ASSERT_EQ(setenv("SSH_TEST", folder_.path().c_str(), 1), 0);
  }
  void TearDown() override { setenv("PATH", path_before_.c_str(), 1); }

  /// Counts its calls in the file `calls`, then does what the script says.
  void ssh_is(const std::string& script) {
    std::ofstream(folder_ / "ssh") << "#!/bin/sh\necho \"$*\" >> $SSH_TEST/calls\n" << script;
    std::filesystem::permissions(folder_ / "ssh", std::filesystem::perms::owner_all);
  }
  /// Runs what the host is told to, here.
  void ssh_runs_it() { ssh_is("for word; do :; done; exec sh -c \"$word\"\n"); }

  std::string calls() const {
    std::ifstream file(folder_ / "calls");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  long count_calls() const {
    const std::string text = calls();
    return std::count(text.begin(), text.end(), '\n');
  }
  SshSettings settings() const {
    SshSettings result;
    result.known_hosts = folder_ / "state/known_hosts";
    return result;
  }

  TemporaryDirectory folder_;

 private:
  std::string path_before_;
};

TEST(SshHost, IsAPlainNameOrAddress) {
  for (const char* good : {"node-1", "10.0.0.7", "a.b_c.example"}) check_host(good, "here");
  for (const char* bad : {"", "-oProxyCommand=x", "a b", "a;b", "a:b", "a@b", "$(x)", ".", "h\n"})
    EXPECT_THROW(check_host(bad, "here"), UsageError) << bad;
}

TEST_F(InPlaceOfSsh, TellsBothStreamsAndTheCommandsExitCode) {
  ssh_runs_it();
  std::vector<std::string> lines;
  RemoteCommand command;
  command.script = "cat; echo 'it''s' >&2; exit 7";
  command.input = "some input\n";
  command.on_line = [&](std::string_view line) { lines.emplace_back(line); };
  const RemoteResult result = Ssh(settings()).run("node1", command);
  EXPECT_TRUE(result.reached);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.output, "some input\n");
  EXPECT_EQ(result.errors, "its\n");
  EXPECT_EQ(result.failure(), "its (exit code 7)");
  EXPECT_EQ(lines.size(), 2U);
}

TEST_F(InPlaceOfSsh, TakesACommandsOwn255ForTheCommands) {
  ssh_runs_it();
  const RemoteResult result = Ssh(settings()).run("node1", "exit 255", seconds(20));
  EXPECT_EQ(result.exit_code, 254);
  EXPECT_EQ(count_calls(), 1);
}

TEST_F(InPlaceOfSsh, ConnectsAgainWhereItWasRefused) {
  ssh_is("echo 'ssh: connect to host node1 port 22: Connection refused' >&2; exit 255\n");
  SshSettings twice = settings();
  twice.connect_attempts = 2;
  const RemoteResult result = Ssh(twice).run("node1", "true", seconds(20));
  EXPECT_FALSE(result.reached);
  EXPECT_EQ(result.failure(), "ssh: connect to host node1 port 22: Connection refused");
  EXPECT_EQ(count_calls(), 2);
}

TEST_F(InPlaceOfSsh, DoesNotTryAgainWithARefusedKey) {
  ssh_is("echo 'me@node1: Permission denied (publickey).' >&2; exit 255\n");
  EXPECT_EQ(Ssh(settings()).run("node1", "true", seconds(20)).failure(),
            "me@node1: Permission denied (publickey).");
  EXPECT_EQ(count_calls(), 1);
}

TEST_F(InPlaceOfSsh, NeverRunsACommandTwice) {
  ssh_is("for word; do :; done; sh -c \"$word\"; echo 'Connection reset by peer' >&2; exit 255\n");
  const RemoteResult result = Ssh(settings()).run("node1", "echo once", seconds(20));
  EXPECT_TRUE(result.reached);
  EXPECT_EQ(result.failure(), "the connection broke: Connection reset by peer");
  EXPECT_EQ(count_calls(), 1);
}

TEST_F(InPlaceOfSsh, IsEndedWhenItsTimeIsOver) {
  ssh_is("exec sleep 60\n");
  const RemoteResult result = Ssh(settings()).run("node1", "true", std::chrono::milliseconds(300));
  EXPECT_EQ(result.failure(), "no answer within the time limit");
}

TEST_F(InPlaceOfSsh, IsToldNeverToAskAndToRememberKeys) {
  ssh_runs_it();
  SshSettings all = settings();
  all.user = "trainer";
  all.port = 2222;
  all.key_file = (folder_ / "key").string();
  all.config_file = (folder_ / "config").string();
  all.options = {"Compression=yes"};
  all.key_names = {{"node1", "i-123"}};
  std::ofstream(all.key_file) << "key";
  std::ofstream(all.config_file) << "\n";
  const std::string key = all.key_file, config = all.config_file;
  Ssh(all).run("node1", "true", seconds(20));
  const std::string words = calls();
  for (const std::string& expected :
       {"-F " + config, std::string("BatchMode=yes"),
        std::string("StrictHostKeyChecking=accept-new"), std::string("User=trainer"),
        std::string("Port=2222"), "IdentityFile=\"" + key + "\"", std::string("IdentitiesOnly=yes"),
        std::string("HostKeyAlias=i-123"), std::string("Compression=yes"),
        std::string("-- node1 ")})
    EXPECT_NE(words.find(expected), std::string::npos) << expected;
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "state"));
}

TEST_F(InPlaceOfSsh, RefusesSettingsThatItCannotTake) {
  ssh_runs_it();
  const auto refused = [&](const std::function<void(SshSettings&)>& change) {
    SshSettings changed = settings();
    change(changed);
    EXPECT_THROW(Ssh{changed}, Error);
  };
  refused([](SshSettings& s) { s.user = "-oProxyCommand=x"; });
  refused([](SshSettings& s) { s.key_file = "/nowhere/key"; });
  refused([](SshSettings& s) { s.config_file = "/nowhere/config"; });
  refused([](SshSettings& s) { s.port = 70000; });
  refused([](SshSettings& s) { s.options = {"Compression"}; });
}

TEST(EachHost, GetsItsTurnWhateverHappensToOthers) {
  std::atomic<int> begun{0};
  const std::vector<HostResult> results = on_each_host(
      {"a", "b", "c"}, "test",
      [&](const std::string& host) -> std::string {
        ++begun;
        if (host == "b") throw InputError("no room");
        return "saw " + host;
      },
      2);
  EXPECT_EQ(begun, 3);
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].output, "saw a");
  EXPECT_EQ(results[1].host, "b");
  EXPECT_EQ(results[1].failure, "no room");
  EXPECT_TRUE(results[2].ok());
}

}  // namespace
}  // namespace detox
