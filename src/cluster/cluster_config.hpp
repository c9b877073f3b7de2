// What a cluster is: one flat TOML file, a key for each member of ClusterConfig (docs/cluster.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// Every value is of the form that its key asks for: nothing in it can be taken for an option or be
/// taken apart by a shell, ssh or the AWS CLI.
struct ClusterConfig {
  std::string name;
  // Machines on EC2.
  std::string key_name, region, availability_zone, image_id, master_type, worker_type;
  int n_masters = 1, n_workers = 0;
  std::string method = "on-demand";  ///< or "spot"
  std::string spot_price;            ///< dollars an hour; empty: up to the price on demand
  std::vector<std::string> security_groups;
  std::string subnet_id;
  std::string endpoint_url;           ///< in place of Amazon's own
  std::string connect_to = "public";  ///< which of a machine's addresses this one reaches
  // Any machines.
  std::string ssh_username;     ///< empty: ssh's own choice
  std::string path_to_keyfile;  ///< empty: ssh's own choice
  int ssh_port = 0;             ///< 0: ssh's own choice
  std::string nfs_ip_address, nfs_export = "/", nfs_mount_point;
  std::string install_dir = "/opt/detoxml";
  std::string data_dir;  ///< empty: `data` in the shared file system, or else in install_dir
  std::vector<std::string> datasets;
  std::vector<std::string> remarks;  ///< no key: what of the original's was taken in another way

  /// The name, and "hosts" where there is none.
  std::string label() const { return name.empty() ? "hosts" : name; }
  bool has_shared_files() const { return !nfs_ip_address.empty(); }
  std::string data_folder() const;
  /// Whether the data lies where all hosts see it.
  bool has_shared_data() const;
};

/// The names of all keys, sorted.
std::vector<std::string_view> cluster_keys();

/// UsageError with file, line and what would be valid (the nearest name for an unknown key), for
/// all that is wrong in one go; InputError where it is no TOML. What the original's configuration
/// says in another way is taken where it is clear, with a remark.
ClusterConfig parse_cluster_config(std::string_view toml_text, std::string_view origin);

/// The whole file, its remarks told; a missing one is a UsageError that says where an example is.
ClusterConfig read_cluster_config(const std::string& file);

/// Sets one key as the file would. UsageError with `where`.
void set_cluster_value(ClusterConfig& config, std::string_view key, const std::string& value,
                       std::string_view where);

/// UsageError unless all is there that machines on EC2 need.
void require_machines(const ClusterConfig& config, std::string_view origin);

/// UsageError where keys contradict each other: half of a shared file system, a zone outside the
/// region.
void check_consistency(const ClusterConfig& config, std::string_view origin);

}  // namespace detox
