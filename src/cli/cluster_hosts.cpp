// `detoxml cluster prepare | run | copy`: machines that ssh reaches, on EC2 or anywhere else.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>

#include "base/file.hpp"
#include "base/home_folder.hpp"
#include "base/log.hpp"
#include "base/module.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
#include "base/shell_line.hpp"
#include "cli/cluster_options.hpp"
#include "cluster/aws_cli.hpp"
#include "cluster/cluster_config.hpp"
#include "cluster/cluster_host.hpp"
#include "cluster/prepare_hosts.hpp"
#include "detox/errors.hpp"
#include "launch/hostfile.hpp"
#include "prepare/recipes.hpp"

namespace detox {
namespace {

constexpr std::size_t kMostAtOnce = 64;
constexpr std::size_t kCopiesAtOnce = 8;

/// A limit below a second is one of a second: to ssh, 0 would be none at all.
std::chrono::seconds whole_seconds(double seconds) {
  return std::chrono::seconds(static_cast<long>(std::ceil(seconds)));
}

struct Hosts {
  ClusterConfig config;
  std::vector<ClusterHost> all;
};

ClusterConfig hosts_config(const ClusterOptions& options) {
  ClusterConfig config;
  if (options.hostfile.empty() || options.is_file_given)
    config = read_cluster_config(options.cluster_file);
  const auto set = [&config](std::string_view key, const std::string& value,
                             std::string_view option) {
    if (!value.empty()) set_cluster_value(config, key, value, option);
  };
  set("ssh_username", options.user, "--user");
  set("path_to_keyfile", options.key_file, "--key");
  set("install_dir", options.install_dir, "--install-dir");
  set("data_dir", options.data_dir, "--data-dir");
  if (!options.datasets.empty()) config.datasets.clear();
  for (const std::string& name : options.datasets) set("datasets", name, "--dataset");
  for (std::string& name : config.datasets) name = find_recipe(name).name;
  return config;
}

std::vector<ClusterHost> read_hosts(const std::string& hostfile) {
  std::vector<HostSlots> lines;
  try {
    std::istringstream text{std::string(text_of(read_file(hostfile)))};
    lines = parse_hostfile(text, hostfile);
  } catch (const InputError& error) {
    throw UsageError(fmt::format("--hostfile: {}", error.what()));
  }
  std::vector<ClusterHost> hosts;
  for (const HostSlots& line : lines) {
    check_host(line.host, hostfile);
    if (line.slots > 0) hosts.push_back({line.host, line.host, line.host, ""});
  }
  if (hosts.empty()) throw UsageError(fmt::format("--hostfile: {} names no host", hostfile));
  return hosts;
}

/// Everything that was given is checked before anything is called.
Hosts find_hosts(const ClusterOptions& options) {
  Hosts hosts;
  hosts.config = hosts_config(options);
  if (!options.hostfile.empty()) {
    hosts.all = read_hosts(options.hostfile);
    return hosts;
  }
  require_machines(hosts.config, options.cluster_file);
  AwsSettings settings;
  settings.region = hosts.config.region;
  settings.endpoint_url = hosts.config.endpoint_url;
  hosts.all = hosts_of(find_instances(AwsCli(settings), hosts.config.name), hosts.config);
  return hosts;
}

Ssh ssh_for(const Hosts& hosts, const ClusterOptions& options) {
  SshSettings base;
  base.config_file = options.ssh_config;
  base.connect_limit = whole_seconds(options.connect_limit_s);
  return Ssh(ssh_settings(hosts.config, hosts.all, base));
}

/// By alias: "all", "server", "workers", or a host's own name.
std::vector<std::string> chosen(const Hosts& hosts, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < hosts.all.size(); ++i) {
    const ClusterHost& host = hosts.all[i];
    if (std::any_of(words.begin(), words.end(), [&](const std::string& word) {
          return word == "all" || (word == "server" && i == 0) || (word == "workers" && i > 0) ||
                 word == host.alias || word == host.address || word == host.peer_address;
        })) {
      names.push_back(host.alias);
    }
  }
  for (const std::string& word : words) {
    const bool is_group = word == "all" || word == "server" || word == "workers";
    if (is_group || std::any_of(hosts.all.begin(), hosts.all.end(), [&](const ClusterHost& h) {
          return word == h.alias || word == h.address || word == h.peer_address;
        }))
      continue;
    std::vector<std::string_view> valid{"all", "server", "workers"};
    for (const ClusterHost& host : hosts.all) valid.push_back(host.alias);
    throw UsageError(fmt::format("--on: {}", unknown_name("host", word, valid)));
  }
  if (names.empty()) throw UsageError("--on names no host: there is the server alone");
  return names;
}

std::map<std::string, std::string> addresses_of(const Hosts& hosts) {
  std::map<std::string, std::string> addresses;
  for (const ClusterHost& host : hosts.all) addresses[host.alias] = host.address;
  return addresses;
}

/// Beside the program where it is installed, in tools/ above it where it was built.
std::string package_script(const std::string& program) {
  const std::filesystem::path bin = std::filesystem::path(program).parent_path();
  std::vector<std::filesystem::path> places{bin.parent_path() / "share/detoxml/install-deps"};
  std::filesystem::path folder = bin;
  for (int up = 0; up < 4; ++up) {
    folder = folder.parent_path();
    places.push_back(folder / "tools/install-deps");
  }
  for (const std::filesystem::path& place : places) {
    if (std::filesystem::is_regular_file(place)) return std::string(text_of(read_file(place)));
  }
  throw InputError(fmt::format("no install-deps beside {} (in {}); --skip packages --skip program",
                               program, places.front().string()));
}

int fail_where_not_ok(const std::vector<HostResult>& results, std::string_view what) {
  const auto failed = std::count_if(results.begin(), results.end(),
                                    [](const HostResult& result) { return !result.ok(); });
  if (failed == 0) return 0;
  throw InputError(
      fmt::format("{} failed on {} of {} hosts, as said above", what, failed, results.size()));
}

/// A worker's line must not move the cursor of who reads it.
std::string without_controls(std::string_view line) {
  std::string shown(line);
  while (shown.ends_with('\r')) shown.pop_back();
  std::replace_if(
      shown.begin(), shown.end(),
      [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }, '?');
  return shown;
}

}  // namespace

int cluster_prepare(const ClusterOptions& options) {
  PrepareHostsOptions prepare;
  for (const std::string& step : options.skipped) {
    const auto& steps = prepare_steps();
    if (step == "reach" || std::find(steps.begin(), steps.end(), step) == steps.end()) {
      throw UsageError(
          fmt::format("--skip: {}", unknown_name("step", step, {steps.begin() + 1, steps.end()})));
    }
    prepare.skipped.insert(step);
  }
  prepare.program = installed_files();
  if (prepare.skipped.count("packages") + prepare.skipped.count("program") < 2)
    prepare.package_script = package_script(own_program());
  prepare.data_from = options.data_from;
  prepare.long_limit = whole_seconds(options.step_limit_s);
  const Hosts hosts = find_hosts(options);
  for (const std::string& name : hosts.config.datasets) {
    if (!options.data_from.empty() &&
        !std::filesystem::is_directory(std::filesystem::path(options.data_from) / name)) {
      throw UsageError(
          fmt::format("--data-from: {} has no folder {}", printable(options.data_from), name));
    }
  }
  const Ssh ssh = ssh_for(hosts, options);
  const StepTable table = prepare_hosts(ssh, hosts.all, hosts.config, prepare);
  fmt::print("{}", table.text());
  std::fflush(stdout);
  if (!table.is_all_ok())
    throw InputError(
        "not all hosts are prepared, as said above; the same command goes on from here");
  return 0;
}

int cluster_run(const ClusterOptions& options) {
  const Hosts hosts = find_hosts(options);
  const std::vector<std::string> names = chosen(hosts, options.on);
  const std::map<std::string, std::string> addresses = addresses_of(hosts);
  const Ssh ssh = ssh_for(hosts, options);
  RemoteCommand command;
  // One word is a line for the host's shell, as ssh has it.
  const std::vector<std::string> words = words_passed_on(options.command);
  const std::string line = words.size() == 1 ? words.front() : shell_line(words);
  // Nothing goes on there for long when the time is over here, which shall be seen first. A
  // training run gets a while for its checkpoint.
  command.script = fmt::format("PATH={}:$PATH; export PATH\nexec timeout -k 60 {} sh -c {}",
                               shell_quoted(hosts.config.install_dir + "/bin"),
                               options.run_limit_s + 1, shell_quoted(line));
  command.time_limit = std::chrono::milliseconds(static_cast<long>(options.run_limit_s * 1000));
  std::mutex mutex;
  int exit_code = 0;
  const std::vector<HostResult> results = on_each_host(
      names, "run",
      [&](const std::string& name) -> std::string {
        RemoteCommand own = command;
        own.on_line = [&](std::string_view said) {
          const std::lock_guard lock(mutex);
          fmt::print("{}: {}\n", name, without_controls(said));
          std::fflush(stdout);
        };
        const RemoteResult result = ssh.run(addresses.at(name), own);
        if (result.ok()) return {};
        const std::lock_guard lock(mutex);
        exit_code = result.reached && !result.timed_out ? result.exit_code : 1;
        // What it said is on the screen already.
        throw InputError(result.reached && !result.timed_out
                             ? fmt::format("exit code {}", result.exit_code)
                             : result.failure());
      },
      kMostAtOnce);
  if (results.size() == 1 && exit_code != 0) return exit_code;
  return fail_where_not_ok(results, "run");
}

int cluster_copy(const ClusterOptions& options) {
  const std::filesystem::path from = with_home(options.from);
  if (!options.from_server && !std::filesystem::exists(from))
    throw UsageError(fmt::format("there is no {} to copy", printable(options.from)));
  const Hosts hosts = find_hosts(options);
  const std::vector<std::string> names =
      chosen(hosts, options.from_server ? std::vector<std::string>{"server"} : options.on);
  const std::map<std::string, std::string> addresses = addresses_of(hosts);
  const Ssh ssh = ssh_for(hosts, options);
  const auto limit = std::chrono::milliseconds(static_cast<long>(options.run_limit_s * 1000));
  const std::vector<HostResult> results = on_each_host(
      names, "copy",
      [&](const std::string& name) -> std::string {
        if (options.from_server) {
          ssh.copy_from(addresses.at(name), options.from, with_home(options.to), limit);
        } else {
          ssh.copy_to(addresses.at(name), from, options.to, limit);
        }
        return {};
      },
      kCopiesAtOnce);
  return fail_where_not_ok(results, "copy");
}

}  // namespace detox
