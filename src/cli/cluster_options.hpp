// What the commands of `detoxml cluster` are given, and what they do with it.
#pragma once

#include <string>
#include <vector>

namespace detox {

struct ClusterOptions {
  std::string cluster_file = "cluster.toml";
  bool is_file_given = false;  ///< or is it the default
  // Machines on EC2.
  bool dry_run = false, yes = false;
  std::string output_dir = ".";
  double start_limit_s = 900, capacity_limit_s = 600, end_limit_s = 600, poll_s = 5;
  // Any machines.
  std::string hostfile, user, key_file, ssh_config, install_dir, data_dir, data_from;
  std::vector<std::string> datasets, skipped, on{"all"}, command;
  std::string from, to;
  bool from_server = false;
  double connect_limit_s = 10, run_limit_s = 86'400, step_limit_s = 3'600;
};

// Each returns the exit code, and throws detox::Error.
int cluster_launch(const ClusterOptions& options);
int cluster_status(const ClusterOptions& options);
int cluster_get_hosts(const ClusterOptions& options);
int cluster_shutdown(const ClusterOptions& options);
int cluster_prepare(const ClusterOptions& options);
int cluster_run(const ClusterOptions& options);
int cluster_copy(const ClusterOptions& options);

}  // namespace detox
