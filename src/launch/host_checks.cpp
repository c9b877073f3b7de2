#include "launch/host_checks.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <filesystem>

#include "base/at_once.hpp"
#include "base/child_program.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
#include "base/shell_line.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::chrono::seconds kReportLimit{120};
constexpr std::size_t kAtOnce = 32;
constexpr int kNoSuchProgram = 127, kNotExecutable = 126, kUsage = 2;
constexpr int kAddressBits = 32;

std::string gigabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GB", 1e-9 * static_cast<double>(bytes));
}

/// What is wrong with one host's report, beside the server's.
std::vector<std::string> differences(const HeardHost& heard, const HostReport& server,
                                     std::string_view server_host) {
  const HostReport& own = *heard.report;
  std::vector<std::string> found;
  if (own.version != server.version) {
    found.push_back(fmt::format("detoxml there is {}, on {} {}", printable(own.version),
                                server_host, printable(server.version)));
  } else if (own.program != server.program) {
    found.push_back(
        fmt::format("detoxml there is another build than on {} (SHA-256 {:.12}, not {:.12})",
                    server_host, printable(own.program), printable(server.program)));
  }
  if (!heard.is_here && !own.has_orted) {
    found.emplace_back(
        "no orted or prted, MPI's daemon, on the PATH that commands have there: install Debian's "
        "package "
        "openmpi-bin");
  }
  if (!own.failure.empty()) {
    found.push_back(printable(own.failure, 400));
  } else {
    if (own.data != server.data) {
      found.push_back(
          fmt::format("its training data differ from those on {} (digest {:.12}, not {:.12})",
                      server_host, printable(own.data), printable(server.data)));
    }
    if (own.network != server.network)
      found.push_back(fmt::format("its network differs from that on {}", server_host));
  }
  return found;
}

struct Address {
  std::uint32_t bits = 0;
  int prefix = kAddressBits;
};

/// Of 10.0.0.7 or 10.0.0.7/24.
std::optional<Address> parse_address(const std::string& text) {
  const std::size_t slash = text.find('/');
  in_addr address{};
  if (inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1) return std::nullopt;
  Address parsed{ntohl(address.s_addr), kAddressBits};
  if (slash == std::string::npos) return parsed;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, parsed.prefix);
  const bool valid = error == std::errc() && stop == end && parsed.prefix >= 0;
  if (!valid || parsed.prefix > kAddressBits) return std::nullopt;
  return parsed;
}

std::vector<std::uint32_t> addresses_of(const std::string& host) {
  std::vector<std::uint32_t> found;
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* results = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &results) != 0) return found;
  for (const addrinfo* i = results; i != nullptr; i = i->ai_next) {
    found.push_back(ntohl(reinterpret_cast<const sockaddr_in*>(i->ai_addr)->sin_addr.s_addr));
  }
  freeaddrinfo(results);
  return found;
}

/// The address of its own by which the others know it.
std::optional<std::uint32_t> address_between(const HeardHost& heard,
                                             const std::vector<HeardHost>& all) {
  std::vector<std::uint32_t> candidates;
  if (const auto end = parse_address(heard.report->reached_at)) candidates.push_back(end->bits);
  for (const std::uint32_t address : addresses_of(heard.host)) candidates.push_back(address);
  for (const HeardHost& other : all) {
    if (!heard.is_here || other.is_here) continue;
    if (const auto end = parse_address(other.report->reached_from)) candidates.push_back(end->bits);
  }
  for (const std::uint32_t candidate : candidates) {
    for (const std::string& network : heard.report->networks) {
      const auto own = parse_address(network);
      if (own && own->bits == candidate) return candidate;
    }
  }
  return std::nullopt;
}

std::uint32_t masked(std::uint32_t address, int prefix) {
  return prefix == 0
             ? 0
             : address & (~std::uint32_t{0} << static_cast<unsigned>(kAddressBits - prefix));
}

std::string dotted(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24U, address >> 16U & 255U, address >> 8U & 255U,
                     address & 255U);
}

/// One host, asked what it says; never throws for what the host does.
class Asker {
 public:
  Asker(const HostShell& shell, const std::vector<std::string>& words)
      : shell_(shell), words_(words) {}

  void ask(HeardHost& heard, const std::vector<std::string>& more) const {
    std::vector<std::string> command{own_program(), "host-report"};
    command.insert(command.end(), more.begin(), more.end());
    command.insert(command.end(), words_.begin(), words_.end());
    const std::string program = command.front();
    RemoteResult result;
    if (heard.is_here) {
      ChildProgram child;
      child.arguments = std::move(command);
      child.time_limit = kReportLimit;
      ChildResult ended = run_child(child);
      result = {.reached = true,
                .exit_code = ended.exit_code,
                .timed_out = ended.timed_out,
                .output = std::move(ended.output),
                .errors = std::move(ended.errors)};
    } else {
      // Where there is no such folder, mpirun starts ranks at home.
      const std::string folder = shell_quoted(std::filesystem::current_path().string());
      result = shell_.run(
          heard.host, fmt::format("cd {} 2>/dev/null || cd; exec {}", folder, shell_line(command)),
          kReportLimit);
    }
    heard.report = result.ok() ? parse_report(result.output) : std::nullopt;
    if (!heard.report) heard.failure = explained(heard, result, program);
  }

 private:
  std::string explained(const HeardHost& heard, const RemoteResult& result,
                        const std::string& program) const {
    if (!result.reached)
      return fmt::format("not reached by {}: {}", shell_.name(), result.failure());
    if (result.exit_code == kNoSuchProgram || result.exit_code == kNotExecutable) {
      const std::filesystem::path folder = std::filesystem::path(program).parent_path();
      const std::string how =
          folder.filename() == "bin"
              ? fmt::format("detoxml cluster prepare --hostfile FILE --install-dir {} brings it",
                            folder.parent_path().string())
              : "detoxml cluster prepare brings it to /opt/detoxml/bin: launch from there";
      return fmt::format("no program {} there: {}", program, how);
    }
    if (heard.is_here && result.exit_code == kUsage) {
      std::string said = result.failure();
      const std::string_view begin = "detoxml: ", end = " (exit code 2)", own = "host-report ";
      if (said.starts_with(begin)) said.erase(0, begin.size());
      if (said.ends_with(end)) said.erase(said.size() - end.size());
      if (const std::size_t at = said.find(own); at != std::string::npos)
        said.erase(at, own.size());
      throw UsageError(said);
    }
    return fmt::format("{} there does not answer as this version does: {}", program,
                       result.ok() ? "no report" : result.failure());
  }

  const HostShell& shell_;
  const std::vector<std::string>& words_;
};

void ask_others(std::vector<HeardHost>& hosts, const Asker& asker,
                const std::vector<std::string>& more) {
  for_each_at_once(hosts.size() - 1, kAtOnce, [&](std::size_t i) {
    HeardHost& heard = hosts[i + 1];
    try {
      asker.ask(heard, more);
    } catch (const Error& error) {
      heard.failure = error.what();
    }
  });
}

void refuse(const std::vector<std::string>& found, std::size_t hosts) {
  for (const std::string& finding : found) log_line(finding);
  throw InputError(
      fmt::format("nothing was started: {} of {} hosts cannot take part, as said above; "
                  "--no-checks starts all the same",
                  found.size(), hosts));
}

}  // namespace

std::uint64_t bytes_needed(const HeardHost& host, bool has_server, const RunNeeds& needs) {
  const std::uint64_t workers = static_cast<std::uint64_t>(host.ranks) - (has_server ? 1 : 0);
  return host.report->shared_bytes + workers * needs.worker_bytes +
         (has_server ? needs.server_bytes : 0);
}

std::vector<std::string> findings(const std::vector<HeardHost>& hosts, const RunNeeds& needs) {
  std::vector<std::string> found;
  const HeardHost& server = hosts.front();
  for (const HeardHost& heard : hosts) {
    if (!heard.report) {
      found.push_back(fmt::format("{}: {}", heard.host, heard.failure));
      continue;
    }
    std::vector<std::string> parts;
    if (server.report) parts = differences(heard, *server.report, server.host);
    const std::uint64_t needed = bytes_needed(heard, &heard == &server, needs);
    if (needed > heard.report->memory) {
      parts.push_back(fmt::format("{} process{} of this run need about {} of memory, {} are free",
                                  heard.ranks, heard.ranks == 1 ? "" : "es", gigabytes(needed),
                                  gigabytes(heard.report->memory)));
    }
    if (!parts.empty()) found.push_back(fmt::format("{}: {}", heard.host, fmt::join(parts, "; ")));
  }
  return found;
}

std::string network_between(const std::vector<HeardHost>& hosts) {
  std::vector<std::uint32_t> chosen;
  bool is_choice = false;
  for (const HeardHost& heard : hosts) {
    if (!heard.report) return {};
    const auto address = address_between(heard, hosts);
    if (!address) return {};
    chosen.push_back(*address);
    is_choice = is_choice || heard.report->networks.size() > 1;
  }
  if (!is_choice || chosen.empty()) return {};
  int prefix = kAddressBits;
  for (const std::uint32_t address : chosen)
    prefix = std::min(prefix, std::countl_zero(address ^ chosen.front()));
  for (const HeardHost& heard : hosts) {
    for (const std::string& text : heard.report->networks) {
      const auto own = parse_address(text);
      const bool is_chosen = own && std::ranges::find(chosen, own->bits) != chosen.end();
      if (own && !is_chosen && masked(own->bits, prefix) == masked(chosen.front(), prefix))
        return {};
    }
  }
  return fmt::format("{}/{}", dotted(masked(chosen.front(), prefix)), prefix);
}

std::string check_hosts(const std::vector<HostSlots>& placed, const HostShell& shell,
                        const std::vector<std::string>& words) {
  const auto begin = Clock::real().now();
  std::vector<HeardHost> hosts;
  int processes = 0;
  for (const HostSlots& host : placed) {
    HeardHost& heard = hosts.emplace_back();
    heard.host = host.host;
    heard.ranks = host.slots;
    heard.is_here = is_this_machine(host.host);
    processes += host.slots;
  }
  const Asker asker(shell, words);
  asker.ask(hosts.front(), {"--world-workers", std::to_string(processes - 1)});
  RunNeeds needs;
  if (const auto& report = hosts.front().report) {
    if (report->failure_code == kUsage) throw UsageError(report->failure);
    if (report->needs) needs = *report->needs;
  }
  ask_others(hosts, asker, {"--needs", needs_text(needs)});
  const std::vector<std::string> found = findings(hosts, needs);
  if (!found.empty()) refuse(found, hosts.size());
  log_info("{} host{} checked in {:.1f} s: programs and data are the same, and there is memory",
           hosts.size(), hosts.size() == 1 ? "" : "s", Clock::real().seconds_since(begin));
  return network_between(hosts);
}

}  // namespace detox
