// The end of a cluster on EC2: what carries its tag, and nothing else.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "cluster/aws_cli.hpp"
#include "cluster/cluster_config.hpp"
#include "cluster/instances.hpp"

namespace detox {

struct ClusterRemains {
  std::vector<Instance> instances;  ///< not gone yet; those that are going among them
  std::vector<SpotRequest> spot_requests;

  bool empty() const { return instances.empty() && spot_requests.empty(); }
};

ClusterRemains find_remains(const AwsCli& aws, const ClusterConfig& config);

struct ShutdownLimits {
  std::chrono::seconds end{600};
  std::chrono::milliseconds poll{5'000};
};

/// Finds what there is, asks `agreed` about it where there is something, cancels its spot requests,
/// terminates its instances and waits until they are. What this machine remembered of the cluster
/// is removed then. False where not agreed. InputError where they do not end within the limit. A
/// dry run prints the calls and asks nothing.
bool shut_down_cluster(const ClusterConfig& config, const AwsCli& aws, const ShutdownLimits& limits,
                       const std::function<bool(const ClusterRemains&)>& agreed);

}  // namespace detox
