#include "cluster/launch.hpp"

#include <gtest/gtest.h>

#include "cluster/aws_in_place.hpp"
#include "cluster/pending_requests.hpp"
#include "cluster/shutdown.hpp"
#include "cluster/state_folder.hpp"

namespace detox {
namespace {

/// Machines in the file `made`, an id a line; `state` is what all of them are in, `checks` what
/// their checks say. $role and $count are those of the request.
constexpr const char* kMachines = R"(
[ -f made ] || touch made
state=$(cat state); checks=$(cat checks)
case $1 in
  run-instances)
    role=worker; case "$*" in *'"Value":"master"'*) role=master;; esac
    count=$(echo "$*" | sed 's/.*--count 1:\([0-9]*\).*/\1/')
    comma=; printf '{"Instances": ['
    while [ $count -gt 0 ]; do
      id=$(printf 'i-%08x' $(wc -l <made)); echo "$id $role" >>made
      printf '%s{"InstanceId": "%s"}' "$comma" $id; comma=,; count=$((count - 1))
    done
    printf ']}';;
  describe-instances)
    comma=; printf '{"Reservations": [{"Instances": ['
    while read -r id role; do
      printf '%s{"InstanceId": "%s", "State": {"Name": "%s"}, "PrivateIpAddress": "10.0.0.1",' "$comma" $id $state
      printf '"StateReason": {"Message": "because"},'
      printf '"Tags": [{"Key": "detox-cluster", "Value": "paper"}, {"Key": "detox-role", "Value": "%s"}]}' $role
      comma=,
    done <made
    printf ']}]}';;
  describe-instance-status)
    comma=; printf '{"InstanceStatuses": ['
    while read -r id role; do
      printf '%s{"InstanceId": "%s", "SystemStatus": {"Status": "ok"}, "InstanceStatus": {"Status": "%s"}}' "$comma" $id $checks
      comma=,
    done <made
    printf ']}';;
  describe-spot-instance-requests) echo '{}';;
  terminate-instances) echo terminated >state;;
esac
)";

class LaunchOfMachines : public InPlaceOfAws {
 protected:
  void SetUp() override {
    InPlaceOfAws::SetUp();
    aws_is(kMachines);
    set("running", "ok");
    limits_.poll = std::chrono::milliseconds(1);
  }
  void set(const std::string& state, const std::string& checks) {
    std::ofstream(folder_ / "state") << state;
    std::ofstream(folder_ / "checks") << checks;
  }
  /// What launching throws; fails where it does not.
  std::string refusal(const ClusterConfig& config) {
    try {
      launch_cluster(config, aws(), limits_);
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }

  LaunchLimits limits_;
};

TEST_F(LaunchOfMachines, MakesTheMissingOnesAndNoMore) {
  const std::vector<Instance> first = launch_cluster(config(), aws(), limits_);
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0].role, kMaster);
  EXPECT_EQ(count_calls("run-instances"), 2);
  ClusterConfig larger = config();
  larger.n_workers = 4;
  EXPECT_EQ(launch_cluster(larger, aws(), limits_).size(), 5U);
  EXPECT_EQ(count_calls("run-instances"), 3);
  EXPECT_EQ(launch_cluster(larger, aws(), limits_).size(), 5U);
  EXPECT_EQ(count_calls("run-instances"), 3);
}

TEST_F(LaunchOfMachines, EndsNoneWhereFewerAreWanted) {
  launch_cluster(config(), aws(), limits_);
  ClusterConfig smaller = config();
  smaller.n_workers = 1;
  EXPECT_EQ(launch_cluster(smaller, aws(), limits_).size(), 3U);
  EXPECT_EQ(count_calls("terminate"), 0);
}

TEST_F(LaunchOfMachines, ReplacesDyingOnesSoOftenAndNoMore) {
  set("terminated", "");
  const std::string what = refusal(config());
  EXPECT_NE(what.find("died while starting: terminated, because"), std::string::npos) << what;
  const std::string made = file("made");
  EXPECT_LE(std::count(made.begin(), made.end(), '\n'), 2 * (config().n_workers + 1));
}

TEST_F(LaunchOfMachines, SaysWhichAreNotReadyInTime) {
  set("running", "impaired");
  limits_.start = std::chrono::seconds(0);
  const std::string what = refusal(config());
  EXPECT_NE(what.find("not ready within 0 s: i-00000000 (running, checks impaired)"),
            std::string::npos)
      << what;
}

TEST_F(LaunchOfMachines, RepeatsWordByWordWhatMayHaveBeenSent) {
  PendingRequests pending(cluster_file("paper", "us-west-2.pending"));
  pending.add({"detox-token", "worker", 2, {"run-instances", "--count", "1:2", "detox-token"}});
  launch_cluster(config(), aws(), limits_);
  EXPECT_EQ(count_calls("run-instances --count 1:2 detox-token"), 1);
  EXPECT_EQ(count_calls("run-instances"), 2);
  EXPECT_TRUE(PendingRequests(cluster_file("paper", "us-west-2.pending")).all().empty());
}

TEST_F(LaunchOfMachines, KeepsNoRequestThatWasRefused) {
  aws_is(
      "case $1 in run-instances) echo 'An error occurred (InvalidAMIID.NotFound) when calling the "
      "RunInstances operation: no such image' >&2; exit 254;; *) echo '{}';; esac\n");
  EXPECT_EQ(refusal(config()), "aws ec2 run-instances: InvalidAMIID.NotFound: no such image");
  EXPECT_FALSE(std::filesystem::exists(cluster_file("paper", "us-west-2.pending")));
}

TEST_F(LaunchOfMachines, AsksNotOnAndOnWhereTheAnswerHasNoMachine) {
  aws_is("echo '{}'\n");
  EXPECT_EQ(refusal(config()), "aws ec2 run-instances answered without a machine");
}

TEST_F(LaunchOfMachines, KeepsARequestWhoseAnswerWasLost) {
  aws_is(
      "case $1 in run-instances) echo 'Connection was closed before we received a valid response' "
      ">&2; exit 255;; *) echo '{}';; esac\n");
  EXPECT_NE(refusal(config()).find("Connection was closed"), std::string::npos);
  ASSERT_EQ(PendingRequests(cluster_file("paper", "us-west-2.pending")).all().size(), 1U);
}

TEST_F(LaunchOfMachines, RunsOnceAtATime) {
  const ClusterLock lock("paper");
  EXPECT_NE(refusal(config()).find("another detoxml"), std::string::npos);
  EXPECT_EQ(count_calls(""), 0);
}

TEST_F(LaunchOfMachines, IsEndedOnlyWhereThatIsAgreed) {
  launch_cluster(config(), aws(), limits_);
  ShutdownLimits limits;
  limits.poll = std::chrono::milliseconds(1);
  std::size_t listed = 0;
  const auto answer = [&](bool yes) {
    return [&listed, yes](const ClusterRemains& remains) {
      listed = remains.instances.size();
      return yes;
    };
  };
  EXPECT_FALSE(shut_down_cluster(config(), aws(), limits, answer(false)));
  EXPECT_EQ(listed, 3U);
  EXPECT_EQ(count_calls("terminate"), 0);
  EXPECT_TRUE(shut_down_cluster(config(), aws(), limits, answer(true)));
  EXPECT_EQ(count_calls("terminate-instances --instance-ids i-00000000 i-00000001 i-00000002"), 1);
  listed = 77;
  EXPECT_TRUE(shut_down_cluster(config(), aws(), limits, answer(false)));
  EXPECT_EQ(listed, 77U) << "nobody is asked about nothing";
}

TEST(PendingRequests, AreReadBackAndDamageIsNone) {
  const TemporaryDirectory folder;
  const std::filesystem::path file = folder / "x.pending";
  PendingRequests pending(file);
  pending.add({"a", "worker", 3, {"run-instances", "--count", "1:3"}});
  pending.add({"b", "master", 1, {"run-instances"}});
  pending.remove("b");
  const PendingRequests again(file);
  ASSERT_EQ(again.all().size(), 1U);
  EXPECT_EQ(again.all()[0].role, "worker");
  EXPECT_EQ(again.all()[0].count, 3);
  EXPECT_EQ(again.all()[0].words[2], "1:3");
  for (const char* damaged :
       {"{", "[]",
        "{\"requests\": [3, {}, {\"words\": [\"terminate-instances\"], \"count\": 1}]}"}) {
    std::ofstream(file) << damaged;
    EXPECT_TRUE(PendingRequests(file).all().empty()) << damaged;
  }
  pending.clear();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(PendingRequests, HaveTokensOfTheirOwn) {
  EXPECT_NE(new_token(), new_token());
  EXPECT_LE(new_token().size(), 64U) << "EC2 takes no longer one";
}

}  // namespace
}  // namespace detox
