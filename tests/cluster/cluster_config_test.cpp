#include "cluster/cluster_config.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "detox/errors.hpp"

namespace detox {
namespace {

std::string refusal(const std::string& toml) {
  try {
    parse_cluster_config(toml, "c.toml");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ClusterConfig, OfTheExampleHasAllThatMachinesNeed) {
  const std::string file = std::string(DETOX_SOURCE_DIR) + "/examples/cluster/cluster.toml";
  const ClusterConfig config = read_cluster_config(file);
  require_machines(config, file);
  EXPECT_EQ(config.n_workers, 45);
  EXPECT_EQ(config.spot_price, "0.05");
  EXPECT_EQ(config.security_groups.size(), 1U);
  EXPECT_EQ(config.data_folder(), "/mnt/shared/data");
  EXPECT_TRUE(config.has_shared_data());
}

TEST(ClusterConfig, HasEveryKeyInTheDocument) {
  std::ifstream stream(std::string(DETOX_SOURCE_DIR) + "/docs/cluster.md");
  const std::string document{std::istreambuf_iterator<char>(stream), {}};
  for (const std::string_view key : cluster_keys())
    EXPECT_NE(document.find("| `" + std::string(key) + "` |"), std::string::npos) << key;
}

TEST(ClusterConfig, NamesTheLineAndTheNearestKey) {
  const std::string what = refusal("name = \"a\"\nregoin = \"us-west-2\"\n");
  EXPECT_EQ(what.substr(0, what.find(';')),
            "c.toml:2: unknown key 'regoin' (did you mean region?)");
  EXPECT_EQ(refusal("name = \"a\"\nname = \"b\"\n").substr(0, 20), "c.toml:2: not TOML: ");
}

TEST(ClusterConfig, TakesWhatTheOriginalsConfigurationSaysInAnotherWay) {
  const ClusterConfig config = parse_cluster_config(
      "name = \"PS_PYTORCH_2\"\nmethod = \"reserved\"\nnum_replicas_to_aggregate = \"8\"\n"
      "base_out_dir = \"%(nfs_mount_point)s/%(name)s\"\n",
      "c.toml");
  EXPECT_EQ(config.name, "PS-PYTORCH-2");
  EXPECT_EQ(config.method, "on-demand");
  EXPECT_EQ(config.remarks.size(), 4U);
  EXPECT_EQ(config.remarks[0],
            "c.toml:4: base_out_dir is not needed: detoxml train --train-dir says where a run's "
            "files go");
  EXPECT_EQ(config.remarks[1], "c.toml:2: method = 'reserved' is taken as 'on-demand'");
  EXPECT_EQ(config.remarks[2], "c.toml:1: name = 'PS_PYTORCH_2' is taken as 'PS-PYTORCH-2'");
  EXPECT_TRUE(parse_cluster_config("name = \"a-b\"\nmethod = \"spot\"\n", "c").remarks.empty());
}

TEST(ClusterConfig, TakesThePriceForSpotMachinesThatTheOriginalsFileHasInAnyCase) {
  const ClusterConfig config =
      parse_cluster_config("method = \"reserved\"\nspot_price = \"0.155\"\n", "c.toml");
  EXPECT_EQ(config.spot_price, "");
  EXPECT_EQ(config.remarks.back(),
            "c.toml: spot_price is not needed: method = 'reserved' asks for none");
}

TEST(ClusterConfig, TellsAllThatDoesNotGoTogether) {
  EXPECT_EQ(refusal("spot_price = 1\nregion = \"us-west-2\"\navailability_zone = \"us-east-1a\"\n"),
            "c.toml: availability_zone us-east-1a is not in region us-west-2\n"
            "c.toml: spot_price is for method = \"spot\" and not for on-demand");
}

TEST(ClusterConfig, TellsAllThatIsWrongInTheOrderOfTheLines) {
  EXPECT_EQ(refusal("train_commands = [\"x\"]\nname = \"a b\"\nbatch_size = \"32\"\n"),
            "c.toml:1: no key train_commands: once the machines are there: detoxml cluster run -- "
            "COMMAND\n"
            "c.toml:2: name = 'a b'; valid: up to 63 letters, digits and dashes, no dash first\n"
            "c.toml:3: no key batch_size: it is an option of training: detoxml train --batch-size");
}

TEST(ClusterConfig, TakesNumbersAsTextAndTheOtherWayRound) {
  EXPECT_EQ(parse_cluster_config("n_workers = \"7\"", "c").n_workers, 7);
  EXPECT_EQ(parse_cluster_config("method = \"spot\"\nspot_price = 0.15", "c").spot_price, "0.15");
  EXPECT_EQ(parse_cluster_config("security_groups = \"sg-01234567\"", "c").security_groups.size(),
            1U);
  EXPECT_EQ(parse_cluster_config("install_dir = \"/srv/x/\"", "c").install_dir, "/srv/x");
}

TEST(ClusterConfig, RefusesWhatAShellSshOrTheAwsCliCouldTakeApart) {
  for (const char* line : {"name = \"-x\"",
                           "name = \"a b\"",
                           "name = \"\"",
                           "region = \"us-west\"",
                           "n_workers = 0",
                           "n_workers = -1",
                           "n_workers = 1.5",
                           "n_masters = 2",
                           "n_workers = true",
                           "image_id = \"file:///etc/passwd\"",
                           "key_name = \"fileb://x\"",
                           "key_name = \"-x\"",
                           "master_type = \"m5\"",
                           "ssh_username = \"-l\"",
                           "ssh_username = \"a b\"",
                           "ssh_port = 65536",
                           "nfs_ip_address = \"-o x\"",
                           "nfs_ip_address = \"a;b\"",
                           "install_dir = \"opt\"",
                           "install_dir = \"/opt/../etc\"",
                           "install_dir = \"/opt/$(x)\"",
                           "install_dir = \"/\"",
                           "data_dir = \"/a b\"",
                           "security_groups = [\"default\"]",
                           "security_groups = [[]]",
                           "subnet_id = \"x\"",
                           "endpoint_url = \"http://example.org\"",
                           "spot_price = 0.1",
                           "nfs_mount_point = \"/mnt/x\"",
                           "datasets = [\"-x\"]",
                           "region = \"us-west-2\"\navailability_zone = \"eu-west-1a\"",
                           "path_to_keyfile = \"a\\nb\""}) {
    EXPECT_NE(refusal(line), "accepted") << line;
  }
}

TEST(ClusterConfig, SaysWhatMachinesNeed) {
  try {
    require_machines(parse_cluster_config("name = \"a\"", "c.toml"), "c.toml");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 56),
              "c.toml: machines on EC2 need region, image_id, master_ty");
  }
}

TEST(ClusterConfig, KnowsWhetherDataIsShared) {
  ClusterConfig config;
  EXPECT_EQ(config.data_folder(), "/opt/detoxml/data");
  EXPECT_FALSE(config.has_shared_data());
  config.nfs_ip_address = "10.0.0.1";
  config.nfs_mount_point = "/mnt/shared";
  EXPECT_TRUE(config.has_shared_data());
  config.data_dir = "/mnt/shared2/data";
  EXPECT_FALSE(config.has_shared_data());
}

}  // namespace
}  // namespace detox
