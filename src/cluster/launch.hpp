// Machines on EC2: from nothing, or from what an earlier launch left, to a cluster that runs.
#pragma once

#include <chrono>
#include <vector>

#include "cluster/aws_cli.hpp"
#include "cluster/cluster_config.hpp"
#include "cluster/instances.hpp"

namespace detox {

struct LaunchLimits {
  std::chrono::seconds start{900};     ///< until all run and have passed EC2's checks
  std::chrono::seconds capacity{600};  ///< until EC2 has room, or spot machines at the price
  std::chrono::milliseconds poll{5'000};
  int replacements = 3;  ///< machines that may die while they start
};

/// Takes what carries the cluster's tag as begun, asks for what is missing, and waits until all run
/// and have passed EC2's checks; lines on standard error say how it goes. Returns the machines, the
/// master first. May be cut off at any time and called again: machines are then neither lost nor
/// made twice. InputError where a limit is reached: what is open is cancelled, and the message says
/// what runs. One process a cluster at a time (InputError otherwise). A dry run prints the calls of
/// a first launch and returns nothing.
std::vector<Instance> launch_cluster(const ClusterConfig& config, const AwsCli& aws,
                                     const LaunchLimits& limits);

}  // namespace detox
