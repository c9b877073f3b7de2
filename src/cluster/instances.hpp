// The machines of a cluster as EC2 tells of them. What belongs to a cluster is what carries its
// tag, and nothing else is ever looked at or changed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/aws_cli.hpp"

namespace detox {

constexpr std::string_view kClusterTag = "detox-cluster";
constexpr std::string_view kRoleTag = "detox-role";
constexpr std::string_view kMaster = "master";
constexpr std::string_view kWorker = "worker";

struct Instance {
  std::string id, role, type, state;
  std::string private_address, public_address;
  std::string why;     ///< the reason of its state, where EC2 gives one
  std::string checks;  ///< "ok", "initializing", "impaired"; empty where not asked for
  bool is_spot = false;

  bool is_alive() const { return state == "pending" || state == "running"; }
  bool is_ready() const { return state == "running" && checks == "ok"; }
  bool is_gone() const { return state == "shutting-down" || state == "terminated"; }
};

/// Those that carry the cluster's tag, gone ones among them for about an hour: the master first,
/// then by private address. InputError where the answer has not what it must have.
std::vector<Instance> find_instances(const AwsCli& aws, const std::string& cluster);

/// Asks for the checks of those that run.
void add_checks(const AwsCli& aws, std::vector<Instance>& instances);

struct SpotRequest {
  std::string id, state, status;
};

/// Requests with the cluster's tag that are open or active.
std::vector<SpotRequest> find_spot_requests(const AwsCli& aws, const std::string& cluster);

/// What aws ec2 describe-instances says, for a cluster. Throws as find_instances.
std::vector<Instance> parse_instances(const nlohmann::json& answer, const std::string& cluster);

}  // namespace detox
