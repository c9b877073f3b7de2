#include "host/report.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/child_program.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/json_field.hpp"
#include "base/module.hpp"
#include "host/memory.hpp"

namespace detox {
namespace {

using nlohmann::json;

json json_of(const RunNeeds& needs) {
  return {{"network", needs.network},           {"dataset", needs.dataset},
          {"data_dir", needs.data_dir},         {"image_size", needs.image_size},
          {"worker_bytes", needs.worker_bytes}, {"server_bytes", needs.server_bytes}};
}

RunNeeds needs_of(const json& object) {
  RunNeeds needs;
  read_field(object, "network", needs.network);
  read_field(object, "dataset", needs.dataset);
  read_field(object, "data_dir", needs.data_dir);
  read_field(object, "image_size", needs.image_size);
  read_field(object, "worker_bytes", needs.worker_bytes);
  read_field(object, "server_bytes", needs.server_bytes);
  return needs;
}

std::string_view last_whole_line(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const std::size_t end = text.rfind('\n');
  return end == std::string_view::npos ? text : text.substr(end + 1);
}

std::vector<std::string> own_networks() {
  std::vector<std::string> networks;
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return networks;
  for (const ifaddrs* i = interfaces; i != nullptr; i = i->ifa_next) {
    const bool counts = i->ifa_addr != nullptr && i->ifa_netmask != nullptr &&
                        i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_UP) != 0 &&
                        (i->ifa_flags & IFF_LOOPBACK) == 0;
    if (!counts) continue;
    const auto* mask = reinterpret_cast<const sockaddr_in*>(i->ifa_netmask);
    const auto* address = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    networks.push_back(fmt::format("{}/{}", text.data(), std::popcount(mask->sin_addr.s_addr)));
  }
  freeifaddrs(interfaces);
  return networks;
}

}  // namespace

std::string report_text(const HostReport& report) {
  json object = {{"version", report.version},
                 {"program", report.program},
                 {"host", report.host},
                 {"has_orted", report.has_orted},
                 {"networks", report.networks},
                 {"reached_at", report.reached_at},
                 {"reached_from", report.reached_from},
                 {"memory", report.memory},
                 {"shared_bytes", report.shared_bytes},
                 {"data", report.data},
                 {"network", report.network},
                 {"failure", report.failure},
                 {"failure_code", report.failure_code}};
  if (report.needs) object["needs"] = json_of(*report.needs);
  return object.dump(-1, ' ', true, json::error_handler_t::replace);
}

std::string needs_text(const RunNeeds& needs) {
  return json_of(needs).dump(-1, ' ', true, json::error_handler_t::replace);
}

std::optional<HostReport> parse_report(std::string_view text) {
  try {
    const json object = json::parse(last_whole_line(text));
    HostReport report;
    read_field(object, "version", report.version);
    read_field(object, "program", report.program);
    read_field(object, "host", report.host);
    read_field(object, "has_orted", report.has_orted);
    read_field(object, "networks", report.networks);
    read_field(object, "reached_at", report.reached_at);
    read_field(object, "reached_from", report.reached_from);
    read_field(object, "memory", report.memory);
    read_field(object, "shared_bytes", report.shared_bytes);
    read_field(object, "data", report.data);
    read_field(object, "network", report.network);
    read_field(object, "failure", report.failure);
    read_field(object, "failure_code", report.failure_code);
    if (object.contains("needs")) report.needs = needs_of(object.at("needs"));
    return report;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<RunNeeds> parse_needs(std::string_view text) {
  try {
    return needs_of(json::parse(text));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

HostReport report_of_this_host(std::string_view version) {
  HostReport report;
  report.version = version;
  DigestBuilder program;
  for (const InstalledFile& installed : installed_files()) program.add(read_file(installed.file));
  report.program = hex(program.finish());
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (gethostname(host.data(), host.size() - 1) == 0) report.host = host.data();
  report.has_orted = is_on_path("orted") || is_on_path("prted");  // Open MPI 4, 5
  report.networks = own_networks();
  if (const char* connection = std::getenv("SSH_CONNECTION")) {
    std::istringstream words(connection);
    std::string port;
    words >> report.reached_from >> port >> report.reached_at;
  }
  report.memory = available_memory();
  return report;
}

}  // namespace detox
