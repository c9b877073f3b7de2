#include "cluster/instances.hpp"

#include <gtest/gtest.h>

#include "cluster/cluster_host.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

nlohmann::json machine(const std::string& id, const std::string& role, const std::string& address,
                       const std::string& cluster = "paper") {
  return {
      {"InstanceId", id},
      {"State", {{"Name", "running"}}},
      {"PrivateIpAddress", address},
      {"PublicIpAddress", "198.51.100.1"},
      {"Tags",
       {{{"Key", "detox-cluster"}, {"Value", cluster}}, {{"Key", "detox-role"}, {"Value", role}}}}};
}

nlohmann::json answer(const std::vector<nlohmann::json>& machines) {
  nlohmann::json reservations = nlohmann::json::array();
  for (const nlohmann::json& one : machines)
    reservations.push_back({{"Instances", nlohmann::json::array({one})}});
  return {{"Reservations", reservations}};
}

TEST(Instances, AreThoseWithTheTagWhateverTheAnswerHolds) {
  const auto found = parse_instances(answer({machine("i-00000001", "worker", "10.0.0.1"),
                                             machine("i-00000002", "worker", "10.0.0.2", "other")}),
                                     "paper");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "i-00000001");
}

TEST(Instances, ComeWithTheMasterFirstThenByAddressAsNumbers) {
  const auto found = parse_instances(answer({machine("i-00000001", "worker", "10.0.0.10"),
                                             machine("i-00000002", "worker", "10.0.0.9"),
                                             machine("i-00000003", "master", "10.0.0.77")}),
                                     "paper");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].id, "i-00000003");
  EXPECT_EQ(found[1].id, "i-00000002");
  EXPECT_EQ(found[2].id, "i-00000001");
}

TEST(Instances, ThatLackWhatTheyMustHaveAreRefused) {
  const auto refused = [](const char* name, const nlohmann::json& value) {
    nlohmann::json one = machine("i-00000001", "worker", "10.0.0.1");
    one[name] = value;
    EXPECT_THROW(parse_instances(answer({one}), "paper"), Error) << name << " " << value;
  };
  refused("InstanceId", "i-1; reboot");
  refused("InstanceId", 5);
  refused("State", {{"Code", 16}});
  refused("State", "running");
  refused("PrivateIpAddress", "-oProxyCommand=reboot");
}

TEST(Instances, ThatRunBecomeHostsWithAliases) {
  auto found = parse_instances(answer({machine("i-00000001", "worker", "10.0.0.2"),
                                       machine("i-00000002", "worker", "10.0.0.3"),
                                       machine("i-00000003", "master", "10.0.0.1")}),
                               "paper");
  ClusterConfig config;
  config.name = "paper";
  found[1].state = "pending";
  const std::vector<ClusterHost> hosts = hosts_of(found, config);
  ASSERT_EQ(hosts.size(), 2U);
  EXPECT_EQ(hosts[0].alias, "paper-master");
  EXPECT_EQ(hosts[0].address, "198.51.100.1");
  EXPECT_EQ(hosts[0].peer_address, "10.0.0.1");
  EXPECT_EQ(hosts[0].key_name, "i-00000003");
  EXPECT_EQ(hosts[1].alias, "paper-worker-1");
  config.connect_to = "private";
  EXPECT_EQ(hosts_of(found, config)[0].address, "10.0.0.1");
  found[0].state = "terminated";
  EXPECT_THROW(hosts_of(found, config), InputError) << "there is no server";
}

}  // namespace
}  // namespace detox
