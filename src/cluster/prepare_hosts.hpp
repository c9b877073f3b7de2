// Machines that ssh reaches, made ready for `detoxml launch`: keys, packages, the program, the
// shared file system and the data.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/module.hpp"
#include "cluster/cluster_config.hpp"
#include "cluster/cluster_host.hpp"
#include "cluster/ssh.hpp"
#include "cluster/step_table.hpp"

namespace detox {

/// In their order. `reach` is always done.
const std::vector<std::string_view>& prepare_steps();

struct PrepareHostsOptions {
  std::vector<InstalledFile> program;  ///< which gets to every host, the program itself first
  std::string package_script;          ///< the text of tools/install-deps
  std::set<std::string> skipped;
  std::string data_from;  ///< a folder here, to copy data sets from; empty: hosts get them
  std::chrono::seconds short_limit{60};   ///< for what should take no time
  std::chrono::seconds long_limit{3600};  ///< for each of packages, the program and data
};

/// Does every step on every host that got so far, many at a time, and says on standard error how it
/// goes. What fails on one host keeps no other from going on. May be repeated: what is there
/// already is left as it is. The names in the table are the hosts' aliases.
StepTable prepare_hosts(const Ssh& ssh, const std::vector<ClusterHost>& hosts,
                        const ClusterConfig& config, const PrepareHostsOptions& options);

}  // namespace detox
