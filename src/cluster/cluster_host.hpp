// A machine of a cluster as ssh reaches it, wherever it came from.
#pragma once

#include <string>
#include <vector>

#include "cluster/cluster_config.hpp"
#include "cluster/instances.hpp"
#include "cluster/ssh.hpp"

namespace detox {

/// Server first in every list of them.
struct ClusterHost {
  std::string address;       ///< from here
  std::string peer_address;  ///< from the other hosts
  std::string alias;         ///< NAME-master, NAME-worker-1; the address where it has no other name
  std::string key_name;      ///< what its key is remembered under; empty: the address
};

/// Those that run. InputError where there is none, no master, or one without an address.
std::vector<ClusterHost> hosts_of(const std::vector<Instance>& instances,
                                  const ClusterConfig& config);

/// For these hosts, with the user, key and port of the configuration. Ports, users and the rest of
/// `base` stay where the configuration has none.
SshSettings ssh_settings(const ClusterConfig& config, const std::vector<ClusterHost>& hosts,
                         SshSettings base);

/// Writes hosts_address, hosts and hosts_alias into the folder, each whole or not at all
/// (docs/cluster.md).
void write_host_lists(const std::vector<ClusterHost>& hosts, const std::string& folder);

}  // namespace detox
