// Any bytes as the description of a cluster, or, where they begin as an object of JSON does, as
// what the AWS CLI answers about machines. What is accepted goes to shells, to ssh and into later
// calls: it must be nothing that one of them could take apart.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/shell_line.hpp"
#include "cluster/cluster_config.hpp"
#include "cluster/cluster_host.hpp"
#include "cluster/instances.hpp"
#include "detox/errors.hpp"

namespace {

using namespace detox;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Nothing that needs quotes, begins an option, or leads upwards.
void require_plain(const std::string& value) {
  if (value.empty()) return;
  require(shell_quoted(value) == value && value.front() != '-');
  require(value.find("/..") == std::string::npos);
}

void describe(std::string_view text) {
  const ClusterConfig config = parse_cluster_config(text, "fuzz");
  for (const std::string* value :
       {&config.name, &config.region, &config.availability_zone, &config.image_id,
        &config.master_type, &config.worker_type, &config.method, &config.spot_price,
        &config.subnet_id, &config.endpoint_url, &config.connect_to, &config.ssh_username,
        &config.nfs_ip_address, &config.nfs_export, &config.nfs_mount_point, &config.install_dir,
        &config.data_dir}) {
    require_plain(*value);
  }
  for (const std::string& value : config.security_groups) require_plain(value);
  for (const std::string& value : config.datasets) require_plain(value);
  require(config.n_masters == 1 && config.n_workers >= 0 && config.n_workers <= 9999);
  require(config.ssh_port >= 0 && config.ssh_port <= 65535);
  require(config.install_dir.front() == '/' && config.data_folder().front() == '/');
}

void answer(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<Instance> instances = parse_instances(json, "paper");
  for (const Instance& instance : instances) {
    require(instance.id.starts_with("i-"));
    for (const std::string* value :
         {&instance.id, &instance.private_address, &instance.public_address})
      require_plain(*value);
  }
  ClusterConfig config;
  config.name = "paper";
  for (const ClusterHost& host : hosts_of(instances, config)) {
    require_plain(host.address);
    require_plain(host.alias);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (text.starts_with('{')) {
      answer(text);
    } else {
      describe(text);
    }
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(!message.empty() && message.size() < 20000);
    require(std::none_of(message.begin(), message.end(), [](unsigned char c) {
      return (c < 0x20 && c != '\n') || c == 0x7f;  // a line for each mistake
    }));
  }
  return 0;
}
