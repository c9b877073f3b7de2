// `detoxml cluster launch | status | get_hosts | shutdown`: machines on EC2.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "base/log.hpp"
#include "cli/cluster_options.hpp"
#include "cluster/aws_cli.hpp"
#include "cluster/cluster_config.hpp"
#include "cluster/cluster_host.hpp"
#include "cluster/launch.hpp"
#include "cluster/shutdown.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

template <class Duration>
Duration seconds_as(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

ClusterConfig machines_config(const ClusterOptions& options) {
  ClusterConfig config = read_cluster_config(options.cluster_file);
  require_machines(config, options.cluster_file);
  return config;
}

AwsCli aws_for(const ClusterConfig& config, bool dry_run) {
  AwsSettings settings;
  settings.region = config.region;
  settings.endpoint_url = config.endpoint_url;
  settings.dry_run = dry_run;
  return AwsCli(settings);
}

std::string machine_table(const std::vector<Instance>& instances) {
  std::string text = fmt::format("{:<8}{:<21}{:<14}{:<15}{:<14}{:<17}{:<17}{}\n", "role", "machine",
                                 "type", "state", "checks", "private", "public", "paid");
  for (const Instance& i : instances) {
    const auto shown = [](const std::string& value) { return value.empty() ? "-" : value; };
    text += fmt::format("{:<8}{:<21}{:<14}{:<15}{:<14}{:<17}{:<17}{}\n", shown(i.role), i.id,
                        shown(i.type), i.state, shown(i.checks), shown(i.private_address),
                        shown(i.public_address), i.is_spot ? "spot" : "on-demand");
  }
  return text;
}

std::string remains_text(const ClusterRemains& remains) {
  std::string text = machine_table(remains.instances);
  for (const SpotRequest& request : remains.spot_requests)
    text += fmt::format("spot request {} ({}, {})\n", request.id, request.state, request.status);
  return text;
}

bool agrees(const ClusterRemains& remains, const ClusterConfig& config, bool yes) {
  fmt::print("{}", remains_text(remains));
  std::fflush(stdout);
  if (yes) return true;
  if (isatty(STDIN_FILENO) == 0) {
    throw UsageError(
        "nothing was ended: there is no terminal to ask on; add --yes to end what is listed above");
  }
  fmt::print("End all of this (cluster {})? Their disks go with them. Type yes: ", config.name);
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes";
}

}  // namespace

int cluster_launch(const ClusterOptions& options) {
  const ClusterConfig config = machines_config(options);
  const AwsCli aws = aws_for(config, options.dry_run);
  LaunchLimits limits;
  limits.start = seconds_as<std::chrono::seconds>(options.start_limit_s);
  limits.capacity = seconds_as<std::chrono::seconds>(options.capacity_limit_s);
  limits.poll = seconds_as<std::chrono::milliseconds>(options.poll_s);
  const std::vector<Instance> instances = launch_cluster(config, aws, limits);
  if (options.dry_run) return 0;
  fmt::print("{}", machine_table(instances));
  log_info("cluster {} runs; it costs money until detoxml cluster shutdown", config.name);
  return 0;
}

int cluster_status(const ClusterOptions& options) {
  const ClusterConfig config = machines_config(options);
  const AwsCli aws = aws_for(config, options.dry_run);
  ClusterRemains all{find_instances(aws, config.name), find_spot_requests(aws, config.name)};
  add_checks(aws, all.instances);
  if (options.dry_run) return 0;
  if (all.empty()) {
    fmt::print("cluster {}: nothing carries its tag in {}\n", config.name, config.region);
  } else {
    fmt::print("{}", remains_text(all));
  }
  return 0;
}

int cluster_get_hosts(const ClusterOptions& options) {
  const ClusterConfig config = machines_config(options);
  const AwsCli aws = aws_for(config, false);
  const std::vector<ClusterHost> hosts = hosts_of(find_instances(aws, config.name), config);
  write_host_lists(hosts, options.output_dir);
  const auto workers = static_cast<int>(hosts.size()) - config.n_masters;
  fmt::print("hosts_address, hosts, hosts_alias in {}: {} machines, the server {} first\n",
             options.output_dir, hosts.size(), hosts.front().peer_address);
  if (workers != config.n_workers) {
    log_warning(
        "{} workers run where {} are asked for; detoxml cluster launch starts what is missing",
        workers, config.n_workers);
  }
  return 0;
}

int cluster_shutdown(const ClusterOptions& options) {
  const ClusterConfig config = machines_config(options);
  const AwsCli aws = aws_for(config, options.dry_run);
  ShutdownLimits limits;
  limits.end = seconds_as<std::chrono::seconds>(options.end_limit_s);
  limits.poll = seconds_as<std::chrono::milliseconds>(options.poll_s);
  const bool done = shut_down_cluster(config, aws, limits, [&](const ClusterRemains& remains) {
    return agrees(remains, config, options.yes);
  });
  if (options.dry_run) return 0;
  if (!done) throw InputError("nothing was ended: the answer was not yes");
  fmt::print("cluster {}: nothing is left that carries its tag\n", config.name);
  return 0;
}

}  // namespace detox
