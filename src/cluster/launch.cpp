#include "cluster/launch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <thread>

#include "base/clock.hpp"
#include "base/counted.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "cluster/pending_requests.hpp"
#include "cluster/state_folder.hpp"

namespace detox {
namespace {

/// EC2 has no room now, or not at this price; later it may.
bool is_about_capacity(std::string_view code) {
  constexpr std::array<std::string_view, 4> kCodes = {"InsufficientInstanceCapacity",
                                                      "InsufficientHostCapacity",
                                                      "InsufficientCapacity", "SpotMaxPriceTooLow"};
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

nlohmann::json tags_of(const ClusterConfig& config, std::string_view role) {
  const nlohmann::json tags = {
      {{"Key", kClusterTag}, {"Value", config.name}},
      {{"Key", kRoleTag}, {"Value", role}},
      {{"Key", "Name"}, {"Value", fmt::format("{}-{}", config.name, role)}}};
  nlohmann::json specifications = nlohmann::json::array();
  std::vector<std::string> kinds{"instance", "volume"};
  if (config.method == "spot") kinds.emplace_back("spot-instances-request");
  for (const std::string& kind : kinds)
    specifications.push_back({{"ResourceType", kind}, {"Tags", tags}});
  return specifications;
}

std::vector<std::string> run_instances(const ClusterConfig& config, const std::string& role,
                                       int count, const std::string& token) {
  std::vector<std::string> words = {"run-instances",
                                    "--image-id",
                                    config.image_id,
                                    "--instance-type",
                                    role == kMaster ? config.master_type : config.worker_type,
                                    "--count",
                                    fmt::format("1:{}", count),
                                    "--key-name",
                                    config.key_name,
                                    "--client-token",
                                    token,
                                    "--tag-specifications",
                                    tags_of(config, role).dump()};
  if (!config.availability_zone.empty())
    words.insert(words.end(), {"--placement", "AvailabilityZone=" + config.availability_zone});
  if (!config.subnet_id.empty()) words.insert(words.end(), {"--subnet-id", config.subnet_id});
  if (!config.security_groups.empty()) {
    words.emplace_back("--security-group-ids");
    words.insert(words.end(), config.security_groups.begin(), config.security_groups.end());
  }
  if (config.method == "spot") {
    nlohmann::json spot = {{"SpotInstanceType", "one-time"},
                           {"InstanceInterruptionBehavior", "terminate"}};
    if (!config.spot_price.empty()) spot["MaxPrice"] = config.spot_price;
    const nlohmann::json market = {{"MarketType", "spot"}, {"SpotOptions", spot}};
    words.insert(words.end(), {"--instance-market-options", market.dump()});
  }
  return words;
}

class Launch {
 public:
  Launch(const ClusterConfig& config, const AwsCli& aws, const LaunchLimits& limits)
      : config_(config),
        aws_(aws),
        limits_(limits),
        pending_(cluster_file(config.name, config.region + ".pending")) {}

  std::vector<Instance> run() {
    repeat_pending();
    while (true) {
      std::vector<Instance> instances = look();
      report_dead(instances);
      if (ask_for_missing(instances)) continue;
      std::erase_if(instances, [](const Instance& i) { return !i.is_alive(); });
      const bool all_seen = waiting_.empty();
      if (all_seen && std::all_of(instances.begin(), instances.end(),
                                  [](const Instance& i) { return i.is_ready(); })) {
        return instances;
      }
      tell_progress(instances);
      if (Clock::real().now() - begin_ >= limits_.start) give_up(instances);
      std::this_thread::sleep_for(limits_.poll);
    }
  }

 private:
  /// What an earlier launch may have asked for without seeing the answer.
  void repeat_pending() {
    const std::vector<PendingRequest> requests = pending_.all();
    if (requests.empty()) return;
    for (const PendingRequest& request : requests) {
      const int wanted = request.role == kMaster ? config_.n_masters : config_.n_workers;
      if (request.count > wanted) {
        pending_.remove(request.token);
        continue;
      }
      log_info("cluster {}: asking again for {} as the last launch did", config_.name,
               counted(request.count, request.role));
      send(request);
    }
    // Those that the earlier launch lost are not this one's dead.
    for (const Instance& instance : find_instances(aws_, config_.name)) {
      if (!instance.is_alive()) forget(instance.id);
    }
  }

  /// Whether EC2 made machines of it.
  bool send(const PendingRequest& request) {
    try {
      const nlohmann::json answer = aws_.ec2(request.words);
      const nlohmann::json& made = list_in(answer, "Instances");
      if (made.empty()) throw InputError("aws ec2 run-instances answered without a machine");
      for (const nlohmann::json& object : made) {
        const std::string id = text_in(object, "InstanceId");
        waiting_[id] = {request.role, request.token};
        known_.insert(id);
      }
      return true;
    } catch (const AwsError& error) {
      pending_.remove(request.token);
      if (!is_about_capacity(error.code())) throw;
      no_room_ = error.what();
      return false;
    }
  }

  /// Asks for checks when there is nothing else to wait for.
  std::vector<Instance> look() {
    std::vector<Instance> instances = find_instances(aws_, config_.name);
    for (const Instance& instance : instances) forget(instance.id);
    if (std::any_of(instances.begin(), instances.end(),
                    [](const Instance& i) { return i.state == "pending"; }))
      return instances;
    try {
      add_checks(aws_, instances);
    } catch (const AwsError& error) {
      // One has gone in between: the next look shows which.
      if (error.code() != "InvalidInstanceID.NotFound") throw;
    }
    return instances;
  }

  /// It was seen: its request is done when all its machines were.
  void forget(const std::string& id) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    const std::string token = found->second.token;
    waiting_.erase(found);
    if (std::none_of(waiting_.begin(), waiting_.end(),
                     [&token](const auto& other) { return other.second.token == token; })) {
      pending_.remove(token);
    }
  }

  void report_dead(const std::vector<Instance>& instances) {
    std::string last;
    for (const Instance& instance : instances) {
      if (instance.is_alive()) {
        known_.insert(instance.id);
        continue;
      }
      if (known_.erase(instance.id) == 0) continue;
      last = fmt::format("{} ({}) died while starting: {}{}", instance.id, instance.role,
                         instance.state, instance.why.empty() ? "" : ", " + instance.why);
      log_info("cluster {}: {}", config_.name, last);
      ++died_;
    }
    if (died_ > limits_.replacements) {
      throw InputError(fmt::format(
          "cluster {}: {} machines died while starting and were replaced {} times; the last: {}; "
          "detoxml cluster status shows what runs, detoxml cluster shutdown ends it",
          config_.name, died_, limits_.replacements, last));
    }
  }

  int missing(const std::vector<Instance>& instances, std::string_view role, int wanted) {
    int there = 0;
    for (const Instance& instance : instances) {
      if (instance.is_alive() && instance.role == role) ++there;
    }
    for (const auto& [id, request] : waiting_) {
      if (request.role == role) ++there;
    }
    if (there > wanted && told_extra_.insert(std::string(role)).second) {
      log_warning("cluster {}: {} run or start where {} asked for; none is ended", config_.name,
                  counted(there, role), wanted == 1 ? "1 is" : fmt::format("{} are", wanted));
    }
    return wanted - there;
  }

  /// Whether anything was asked for.
  bool ask_for_missing(const std::vector<Instance>& instances) {
    const std::array<std::pair<std::string_view, int>, 2> roles = {
        {{kMaster, config_.n_masters}, {kWorker, config_.n_workers}}};
    bool asked = false;
    for (const auto& [role, wanted] : roles) {
      const int count = missing(instances, role, wanted);
      if (count <= 0) continue;
      asked = true;
      log_info("cluster {}: asking for {} ({})", config_.name, counted(count, role),
               config_.method);
      PendingRequest request{new_token(), std::string(role), count, {}};
      request.words = run_instances(config_, request.role, count, request.token);
      pending_.add(request);
      if (!send(request)) wait_for_room(count, role);
    }
    return asked;
  }

  void wait_for_room(int count, std::string_view role) {
    if (Clock::real().now() - begin_ < limits_.capacity) {
      log_info("cluster {}: {}; trying again", config_.name, no_room_);
      std::this_thread::sleep_for(limits_.poll);
      return;
    }
    const std::size_t cancelled = cancel_spot_requests();
    throw InputError(fmt::format(
        "cluster {}: {} not to be had within {} s{}: {}; valid: another availability_zone or type, "
        "{}; what runs already stays: detoxml cluster launch goes on, shutdown ends it",
        config_.name, counted(count, fmt::format("{} {}", config_.method, role)),
        limits_.capacity.count(),
        cancelled == 0 ? ""
                       : fmt::format(", {} cancelled", counted(cancelled, "open spot request")),
        no_room_,
        config_.method == "spot" ? "a higher spot_price, method = \"on-demand\""
                                 : "fewer workers"));
  }

  /// Requests without a machine; those that have one end with it.
  std::size_t cancel_spot_requests() {
    if (config_.method != "spot") return 0;
    std::vector<std::string> words{"cancel-spot-instance-requests", "--spot-instance-request-ids"};
    const std::size_t first = words.size();
    for (const SpotRequest& request : find_spot_requests(aws_, config_.name)) {
      if (request.state == "open") words.push_back(request.id);
    }
    if (words.size() > first) aws_.ec2(words);
    return words.size() - first;
  }

  void tell_progress(const std::vector<Instance>& instances) const {
    const auto running = std::count_if(instances.begin(), instances.end(),
                                       [](const Instance& i) { return i.state == "running"; });
    const auto ready = std::count_if(instances.begin(), instances.end(),
                                     [](const Instance& i) { return i.is_ready(); });
    log_info("cluster {}: {} of {} machines run, {} have passed EC2's checks; {:.0f} s",
             config_.name, running, config_.n_masters + config_.n_workers, ready,
             Clock::real().seconds_since(begin_));
  }

  [[noreturn]] void give_up(const std::vector<Instance>& instances) const {
    std::string late;
    for (const Instance& i : instances) {
      if (i.is_ready()) continue;
      late += fmt::format("{}{} ({}, {})", late.empty() ? "" : ", ", i.id, i.state,
                          i.checks.empty() ? "no checks yet" : "checks " + i.checks);
    }
    throw InputError(fmt::format(
        "cluster {}: not ready within {} s: {}; detoxml cluster launch goes on waiting, detoxml "
        "cluster shutdown ends all",
        config_.name, limits_.start.count(), late.empty() ? "machines not shown yet" : late));
  }

  struct Requested {
    std::string role, token;
  };

  const ClusterConfig& config_;
  const AwsCli& aws_;
  const LaunchLimits limits_;
  const Clock::time_point begin_ = Clock::real().now();
  PendingRequests pending_;
  std::map<std::string, Requested> waiting_;  ///< by id: made, and not yet among those described
  std::set<std::string> known_;               ///< were alive in this launch
  std::set<std::string> told_extra_;
  std::string no_room_;
  int died_ = 0;
};

void print_calls(const ClusterConfig& config, const AwsCli& aws) {
  find_instances(aws, config.name);
  aws.ec2(run_instances(config, std::string(kMaster), config.n_masters, "TOKEN"));
  aws.ec2(run_instances(config, std::string(kWorker), config.n_workers, "TOKEN"));
  find_instances(aws, config.name);
  aws.ec2({"describe-instance-status", "--instance-ids", "INSTANCE_ID"});
}

}  // namespace

std::vector<Instance> launch_cluster(const ClusterConfig& config, const AwsCli& aws,
                                     const LaunchLimits& limits) {
  if (aws.is_dry_run()) {
    print_calls(config, aws);
    return {};
  }
  const ClusterLock lock(config.name);
  return Launch(config, aws, limits).run();
}

}  // namespace detox
