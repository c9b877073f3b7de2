#include "cluster/cluster_host.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/atomic_file.hpp"
#include "base/home_folder.hpp"
#include "cluster/state_folder.hpp"

namespace detox {
namespace {

/// ssh refuses a key that others can read, and says so at length.
std::string key_path(const std::string& given) {
  std::string path = with_home(given);
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & 077U) != 0) {
    throw InputError(fmt::format(
        "path_to_keyfile: others than its owner may read {}, and ssh refuses such a key: chmod 600",
        path));
  }
  return path;
}

}  // namespace

std::vector<ClusterHost> hosts_of(const std::vector<Instance>& instances,
                                  const ClusterConfig& config) {
  std::vector<ClusterHost> hosts;
  int workers = 0;
  for (const Instance& instance : instances) {
    if (instance.state != "running") continue;
    const bool is_public = config.connect_to == "public" && !instance.public_address.empty();
    ClusterHost host;
    host.address = is_public ? instance.public_address : instance.private_address;
    host.peer_address = instance.private_address;
    host.key_name = instance.id;
    if (host.address.empty() || host.peer_address.empty())
      throw InputError(fmt::format("the machine {} has no address yet", instance.id));
    host.alias = instance.role == kMaster ? config.name + "-master"
                                          : fmt::format("{}-worker-{}", config.name, ++workers);
    hosts.push_back(host);
  }
  if (hosts.empty() || !hosts.front().alias.ends_with("-master")) {
    throw InputError(fmt::format("cluster {}: {}; detoxml cluster launch starts what is missing",
                                 config.name,
                                 hosts.empty() ? "no machine runs" : "no master runs"));
  }
  return hosts;
}

SshSettings ssh_settings(const ClusterConfig& config, const std::vector<ClusterHost>& hosts,
                         SshSettings base) {
  if (!config.ssh_username.empty()) base.user = config.ssh_username;
  if (!config.path_to_keyfile.empty()) base.key_file = key_path(config.path_to_keyfile);
  if (config.ssh_port != 0) base.port = config.ssh_port;
  if (base.known_hosts.empty()) base.known_hosts = cluster_file(config.label(), "known_hosts");
  for (const ClusterHost& host : hosts) {
    if (!host.key_name.empty()) base.key_names[host.address] = host.key_name;
  }
  return base;
}

void write_host_lists(const std::vector<ClusterHost>& hosts, const std::string& folder) {
  std::string addresses, names, aliases;
  for (const ClusterHost& host : hosts) {
    addresses += host.peer_address + '\n';
    names += fmt::format("{}\t{}\n", host.peer_address, host.alias);
    aliases += host.alias + '\n';
  }
  const std::filesystem::path base = folder;
  write_atomically(base / "hosts_address", addresses);
  write_atomically(base / "hosts", names);
  write_atomically(base / "hosts_alias", aliases);
}

}  // namespace detox
