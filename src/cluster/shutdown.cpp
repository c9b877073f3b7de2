#include "cluster/shutdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "cluster/state_folder.hpp"

namespace detox {
namespace {

void end_all(const AwsCli& aws, const ClusterRemains& remains) {
  // Requests first: an open one could still bring a machine.
  if (!remains.spot_requests.empty()) {
    std::vector<std::string> words{"cancel-spot-instance-requests", "--spot-instance-request-ids"};
    for (const SpotRequest& request : remains.spot_requests) words.push_back(request.id);
    aws.ec2(words);
  }
  std::vector<std::string> words{"terminate-instances", "--instance-ids"};
  const std::size_t first = words.size();
  for (const Instance& instance : remains.instances) {
    if (!instance.is_gone()) words.push_back(instance.id);
  }
  if (words.size() > first) aws.ec2(words);
}

void wait_until_gone(const AwsCli& aws, const ClusterConfig& config, const ShutdownLimits& limits) {
  const Clock::time_point begin = Clock::real().now();
  while (true) {
    const std::vector<Instance> instances = find_instances(aws, config.name);
    const auto left = std::count_if(instances.begin(), instances.end(),
                                    [](const Instance& i) { return i.state != "terminated"; });
    if (left == 0) return;
    const auto waited = Clock::real().seconds_since(begin);
    log_info("cluster {}: {} machines are still ending; {:.0f} s", config.name, left, waited);
    if (Clock::real().now() - begin >= limits.end) {
      throw InputError(fmt::format(
          "cluster {}: {} machines have not ended within {} s; detoxml cluster status shows them, "
          "detoxml cluster shutdown may be repeated",
          config.name, left, limits.end.count()));
    }
    std::this_thread::sleep_for(limits.poll);
  }
}

}  // namespace

ClusterRemains find_remains(const AwsCli& aws, const ClusterConfig& config) {
  ClusterRemains remains{find_instances(aws, config.name), find_spot_requests(aws, config.name)};
  std::erase_if(remains.instances, [](const Instance& i) { return i.state == "terminated"; });
  return remains;
}

bool shut_down_cluster(const ClusterConfig& config, const AwsCli& aws, const ShutdownLimits& limits,
                       const std::function<bool(const ClusterRemains&)>& agreed) {
  if (aws.is_dry_run()) {
    find_remains(aws, config);
    aws.ec2({"cancel-spot-instance-requests", "--spot-instance-request-ids", "REQUEST_ID"});
    aws.ec2({"terminate-instances", "--instance-ids", "INSTANCE_ID"});
    return true;
  }
  const ClusterLock lock(config.name);
  const ClusterRemains remains = find_remains(aws, config);
  if (!remains.empty()) {
    if (!agreed(remains)) return false;
    end_all(aws, remains);
    wait_until_gone(aws, config, limits);
  }
  for (const std::string& kind : {config.region + ".pending", std::string("known_hosts")}) {
    std::error_code ignored;
    std::filesystem::remove(cluster_file(config.name, kind), ignored);
  }
  return true;
}

}  // namespace detox
