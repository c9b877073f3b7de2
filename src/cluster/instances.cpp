#include "cluster/instances.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <tuple>

#include "base/names.hpp"
#include "cluster/ssh.hpp"

namespace detox {
namespace {

std::string tag_of(const nlohmann::json& object, std::string_view key) {
  for (const nlohmann::json& tag : list_in(object, "Tags")) {
    if (text_in(tag, "Key") == key) return text_in(tag, "Value");
  }
  return {};
}

/// Identifiers go into later calls, and addresses to ssh: only what can be one is taken.
std::string checked_id(const nlohmann::json& object, const char* name, const char* pattern) {
  std::string id = text_in(object, name);
  if (!std::regex_match(id.substr(0, 64), std::regex(pattern))) {
    throw InputError(
        fmt::format("the AWS CLI's answer has no valid {}: '{}'", name, printable(id)));
  }
  return id;
}

std::string checked_address(const nlohmann::json& object, const char* name) {
  std::string address = text_in(object, name);
  if (!address.empty()) check_host(address, fmt::format("{} in the AWS CLI's answer", name));
  return address;
}

Instance parse_instance(const nlohmann::json& object) {
  Instance instance;
  instance.id = checked_id(object, "InstanceId", "i-[0-9a-f]{8,32}");
  instance.role = tag_of(object, kRoleTag);
  instance.type = printable(text_in(object, "InstanceType"));
  const auto state = object.find("State");
  if (state != object.end()) instance.state = printable(text_in(*state, "Name"));
  if (instance.state.empty()) {
    throw InputError(
        fmt::format("the AWS CLI's answer has no state of the machine {}", instance.id));
  }
  instance.private_address = checked_address(object, "PrivateIpAddress");
  instance.public_address = checked_address(object, "PublicIpAddress");
  const auto reason = object.find("StateReason");
  if (reason != object.end()) instance.why = printable(text_in(*reason, "Message"), 160);
  instance.is_spot = text_in(object, "InstanceLifecycle") == "spot";
  return instance;
}

/// Master first, then by address as numbers; ids decide where there is none yet.
auto order_of(const Instance& instance) {
  in_addr address{};
  const bool has_one = inet_pton(AF_INET, instance.private_address.c_str(), &address) == 1;
  return std::make_tuple(instance.role != kMaster, !has_one, ntohl(address.s_addr), instance.id);
}

}  // namespace

std::vector<Instance> parse_instances(const nlohmann::json& answer, const std::string& cluster) {
  std::vector<Instance> instances;
  for (const nlohmann::json& reservation : list_in(answer, "Reservations")) {
    for (const nlohmann::json& object : list_in(reservation, "Instances")) {
      // Whatever the filter let through: what does not carry the tag is not ours.
      if (tag_of(object, kClusterTag) != cluster) continue;
      instances.push_back(parse_instance(object));
    }
  }
  std::sort(instances.begin(), instances.end(),
            [](const Instance& a, const Instance& b) { return order_of(a) < order_of(b); });
  return instances;
}

std::vector<Instance> find_instances(const AwsCli& aws, const std::string& cluster) {
  return parse_instances(aws.ec2({"describe-instances", "--filters",
                                  fmt::format("Name=tag:{},Values={}", kClusterTag, cluster)}),
                         cluster);
}

void add_checks(const AwsCli& aws, std::vector<Instance>& instances) {
  std::vector<std::string> words{"describe-instance-status", "--instance-ids"};
  const std::size_t first = words.size();
  for (const Instance& instance : instances) {
    if (instance.state == "running") words.push_back(instance.id);
  }
  if (words.size() == first) return;
  std::map<std::string, std::string> checks;
  const nlohmann::json answer = aws.ec2(words);
  for (const nlohmann::json& status : list_in(answer, "InstanceStatuses")) {
    std::string worst;
    for (const char* kind : {"InstanceStatus", "SystemStatus"}) {
      const auto member = status.find(kind);
      const std::string word =
          member == status.end() ? "unknown" : printable(text_in(*member, "Status"));
      if (worst.empty() || word != "ok") worst = word;
    }
    checks[text_in(status, "InstanceId")] = worst;
  }
  for (Instance& instance : instances) {
    const auto found = checks.find(instance.id);
    if (found != checks.end()) instance.checks = found->second;
  }
}

std::vector<SpotRequest> find_spot_requests(const AwsCli& aws, const std::string& cluster) {
  std::vector<SpotRequest> requests;
  const nlohmann::json answer = aws.ec2({"describe-spot-instance-requests", "--filters",
                                         fmt::format("Name=tag:{},Values={}", kClusterTag, cluster),
                                         "Name=state,Values=open,active"});
  for (const nlohmann::json& object : list_in(answer, "SpotInstanceRequests")) {
    if (tag_of(object, kClusterTag) != cluster) continue;
    SpotRequest request;
    request.id = checked_id(object, "SpotInstanceRequestId", "sir-[0-9a-z]{4,32}");
    request.state = printable(text_in(object, "State"));
    const auto status = object.find("Status");
    if (status != object.end()) request.status = printable(text_in(*status, "Code"));
    requests.push_back(request);
  }
  return requests;
}

}  // namespace detox
