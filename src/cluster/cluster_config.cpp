#include "cluster/cluster_config.hpp"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <variant>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::size_t kLargestClusterFile = std::size_t{16} << 10U;
constexpr std::size_t kLongestValue = 255;

using Text = std::string ClusterConfig::*;
using Number = int ClusterConfig::*;
using List = std::vector<std::string> ClusterConfig::*;

struct Key {
  std::string_view name;
  std::variant<Text, Number, List> member;
  const char* pattern;     ///< of the whole value, or of each in a list
  std::string_view valid;  ///< the same for people
};

constexpr const char* kPath = "/[A-Za-z0-9._+@-]+(/[A-Za-z0-9._+@-]+)*/?";
constexpr std::string_view kPathForm = "an absolute path of letters, digits and . _ + @ -";
constexpr const char* kType = "[a-z][a-z0-9-]*\\.[a-z0-9-]+";
constexpr const char* kHostPattern = "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?";

using C = ClusterConfig;
const std::array<Key, 24> kKeys = {{
    {"availability_zone", &C::availability_zone, "[a-z]{2}(-[a-z]+)+-[0-9][a-z]",
     "a zone, as us-west-2b"},
    {"connect_to", &C::connect_to, "public|private", "public, private"},
    {"data_dir", &C::data_dir, kPath, kPathForm},
    {"datasets", &C::datasets, "[A-Za-z0-9][A-Za-z0-9_-]*",
     "names as detoxml data prepare takes them"},
    {"endpoint_url", &C::endpoint_url,
     "https://[A-Za-z0-9._:/-]+|http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?/?",
     "https://..., or http:// to this machine"},
    {"image_id", &C::image_id, "ami-[0-9a-f]{8,32}", "an image, as ami-0123456789abcdef0"},
    {"install_dir", &C::install_dir, kPath, kPathForm},
    {"key_name", &C::key_name, "[A-Za-z0-9][A-Za-z0-9 ._@+-]*",
     "the name of a key pair: letters, digits, spaces and . _ @ + -"},
    {"master_type", &C::master_type, kType, "a type of instance, as m5.2xlarge"},
    {"method", &C::method, "on-demand|spot", "on-demand, spot"},
    {"n_masters", &C::n_masters, "1", "1: a run has one server"},
    {"n_workers", &C::n_workers, "[1-9][0-9]{0,3}", "1 to 9999"},
    {"name", &C::name, "[A-Za-z0-9][A-Za-z0-9-]{0,62}",
     "up to 63 letters, digits and dashes, no dash first"},
    {"nfs_export", &C::nfs_export, "/|/[A-Za-z0-9._+@-]+(/[A-Za-z0-9._+@-]+)*/?", kPathForm},
    {"nfs_ip_address", &C::nfs_ip_address, kHostPattern, "a host name or an IPv4 address"},
    {"nfs_mount_point", &C::nfs_mount_point, kPath, kPathForm},
    {"path_to_keyfile", &C::path_to_keyfile, "(~?/)?[^\"%\\n\\r]+", "a file, without \" and %"},
    {"region", &C::region, "[a-z]{2}(-[a-z]+)+-[0-9]", "a region, as us-west-2"},
    {"security_groups", &C::security_groups, "sg-[0-9a-f]{8,32}", "identifiers, as sg-01234567"},
    {"spot_price", &C::spot_price, "[0-9]{1,4}(\\.[0-9]{1,6})?", "dollars an hour, as 0.15"},
    {"ssh_port", &C::ssh_port, "[1-9][0-9]{0,4}", "1 to 65535"},
    {"ssh_username", &C::ssh_username, "[A-Za-z_][A-Za-z0-9_.-]{0,63}",
     "the name of a user on the machines"},
    {"subnet_id", &C::subnet_id, "subnet-[0-9a-f]{8,32}", "a subnet, as subnet-01234567"},
    {"worker_type", &C::worker_type, kType, "a type of instance, as m5.2xlarge"},
}};

/// Keys of the original's configuration that are none here.
struct ForeignKey {
  std::string_view name, answer;
  bool is_needless = false;  ///< taken, with the answer
};

constexpr std::string_view kReserved = "reserved";  // its word for on-demand
constexpr std::string_view kCommands =
    "once the machines are there: detoxml cluster run -- COMMAND";
constexpr std::array kForeignKeys = {
    ForeignKey{"base_out_dir", "detoxml train --train-dir says where a run's files go", true},
    ForeignKey{"batch_size", "it is an option of training: detoxml train --batch-size"},
    ForeignKey{"initial_learning_rate", "it is an option of training: detoxml train --lr"},
    ForeignKey{"learning_rate_decay_factor",
               "it is an option of training: detoxml train --lr-schedule step --lr-gamma"},
    ForeignKey{"master_pre_commands", kCommands},
    ForeignKey{"max_steps", "it is an option of training: detoxml train --max-steps"},
    ForeignKey{"num_epochs_per_decay",
               "it is an option of training: detoxml train --lr-schedule step --lr-step-size"},
    ForeignKey{"num_replicas_to_aggregate", "detoxml train --num-aggregate says it for a run",
               true},
    ForeignKey{"pre_commands", kCommands},
    ForeignKey{"setup_commands", kCommands},
    ForeignKey{"train_commands", kCommands}};

/// The value as it is written here, with a remark where that is another one.
std::string own_value(const Key& key, const std::string& value, std::string_view where,
                      ClusterConfig& config) {
  std::string own = value;
  if (key.name == "method" && value == kReserved) own = "on-demand";
  if (key.name == "name" && std::regex_match(value, std::regex("[A-Za-z0-9][A-Za-z0-9_-]*")))
    std::replace(own.begin(), own.end(), '_', '-');
  if (own != value)
    config.remarks.push_back(fmt::format("{}: {} = '{}' is taken as '{}'", where, key.name,
                                         printable(value), printable(own)));
  return own;
}

const Key& key_of(std::string_view name, std::string_view where) {
  // Exact names, as a file that is read by others, too, should have them.
  for (const Key& key : kKeys) {
    if (key.name == name) return key;
  }
  throw UsageError(fmt::format("{}: {}", where, unknown_name("key", name, cluster_keys())));
}

void check_value(const Key& key, const std::string& value, std::string_view where) {
  const bool has_dots = value.find("/..") != std::string::npos && key.name != "path_to_keyfile";
  if (value.size() > kLongestValue || has_dots ||
      !std::regex_match(value, std::regex(key.pattern))) {
    throw UsageError(
        fmt::format("{}: {} = '{}'; valid: {}", where, key.name, printable(value), key.valid));
  }
}

std::string without_last_slash(const std::string& path) {
  return path.size() > 1 && path.back() == '/' ? path.substr(0, path.size() - 1) : path;
}

void set_text(ClusterConfig& config, const Key& key, const std::string& value,
              std::string_view where) {
  check_value(key, value, where);
  if (const Number* number = std::get_if<Number>(&key.member)) {
    int parsed = 0;
    std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (key.name == "ssh_port" && parsed > 65535) {
      throw UsageError(fmt::format("{}: ssh_port = {}; valid: {}", where, value, key.valid));
    }
    config.*(*number) = parsed;
  } else if (const Text* text = std::get_if<Text>(&key.member)) {
    config.*(*text) = value.front() == '/' ? without_last_slash(value) : value;
  } else {
    (config.*std::get<List>(key.member)).push_back(value);
  }
}

std::string text_of_node(const toml::node& node, const Key& key, std::string_view where) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  throw UsageError(
      fmt::format("{}: {} is neither text nor a number; valid: {}", where, key.name, key.valid));
}

void set_node(ClusterConfig& config, const Key& key, const toml::node& node,
              std::string_view where) {
  const toml::array* list = node.as_array();
  if (list == nullptr || !std::holds_alternative<List>(key.member)) {
    const std::string value = own_value(key, text_of_node(node, key, where), where, config);
    return set_text(config, key, value, where);
  }
  for (const toml::node& entry : *list)
    set_text(config, key, text_of_node(entry, key, where), where);
}

void set_entry(ClusterConfig& config, std::string_view name, const toml::node& node,
               std::string_view where) {
  const auto foreign = std::ranges::find(kForeignKeys, name, &ForeignKey::name);
  if (foreign == kForeignKeys.end()) return set_node(config, key_of(name, where), node, where);
  if (!foreign->is_needless)
    throw UsageError(fmt::format("{}: no key {}: {}", where, name, foreign->answer));
  config.remarks.push_back(fmt::format("{}: {} is not needed: {}", where, name, foreign->answer));
}

bool lies_in(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

}  // namespace

std::string ClusterConfig::data_folder() const {
  if (!data_dir.empty()) return data_dir;
  return (has_shared_files() ? nfs_mount_point : install_dir) + "/data";
}

bool ClusterConfig::has_shared_data() const {
  return has_shared_files() && lies_in(data_folder(), nfs_mount_point);
}

std::vector<std::string_view> cluster_keys() {
  std::vector<std::string_view> names(kKeys.size());
  std::transform(kKeys.begin(), kKeys.end(), names.begin(),
                 [](const Key& key) { return key.name; });
  return names;
}

ClusterConfig parse_cluster_config(std::string_view toml_text, std::string_view origin) {
  if (toml_text.size() > kLargestClusterFile) {
    throw InputError(fmt::format("{}: {} bytes are no description of a cluster; at most {}", origin,
                                 toml_text.size(), kLargestClusterFile));
  }
  ClusterConfig config;
  std::multimap<toml::source_index, std::string> wrong;  // by the line
  try {
    const toml::table table = toml::parse(toml_text, origin);
    for (const auto& [name, node] : table) {
      const toml::source_index line = node.source().begin.line;
      try {
        set_entry(config, name.str(), node, fmt::format("{}:{}", origin, line));
      } catch (const UsageError& error) {
        wrong.emplace(line, error.what());
      }
    }
    // The original's file has both, whatever it asks for.
    if (table["method"].value<std::string_view>() == kReserved && !config.spot_price.empty()) {
      config.spot_price.clear();
      config.remarks.push_back(fmt::format(
          "{}: spot_price is not needed: method = '{}' asks for none", origin, kReserved));
    }
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}:{}: not TOML: {}", origin, error.source().begin.line,
                                 printable(error.description())));
  }
  Mistakes mistakes;
  for (const auto& [line, text] : wrong) mistakes.add(text);
  mistakes.refuse();
  check_consistency(config, origin);
  return config;
}

ClusterConfig read_cluster_config(const std::string& file) {
  if (!std::filesystem::exists(file)) {
    throw UsageError(
        fmt::format("no {}: --cluster names the file that describes the cluster, as "
                    "examples/cluster/cluster.toml does (docs/cluster.md)",
                    printable(file)));
  }
  ClusterConfig config = parse_cluster_config(text_of(read_file(file)), file);
  for (const std::string& remark : config.remarks) log_line(remark);
  return config;
}

void set_cluster_value(ClusterConfig& config, std::string_view key, const std::string& value,
                       std::string_view where) {
  set_text(config, key_of(key, where), value, where);
}

void require_machines(const ClusterConfig& config, std::string_view origin) {
  const std::array<std::pair<std::string_view, const std::string*>, 8> texts = {{
      {"name", &config.name},
      {"region", &config.region},
      {"image_id", &config.image_id},
      {"master_type", &config.master_type},
      {"worker_type", &config.worker_type},
      {"key_name", &config.key_name},
      {"path_to_keyfile", &config.path_to_keyfile},
      {"ssh_username", &config.ssh_username},
  }};
  std::string missing;
  for (const auto& [name, value] : texts) {
    if (value->empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
  }
  if (config.n_workers == 0) missing += missing.empty() ? "n_workers" : ", n_workers";
  if (!missing.empty()) {
    throw UsageError(
        fmt::format("{}: machines on EC2 need {}, too (docs/cluster.md)", origin, missing));
  }
}

void check_consistency(const ClusterConfig& config, std::string_view origin) {
  Mistakes mistakes;
  if (config.nfs_ip_address.empty() != config.nfs_mount_point.empty()) {
    mistakes.add(fmt::format(
        "{}: nfs_ip_address and nfs_mount_point belong together: both, or neither", origin));
  }
  if (!config.availability_zone.empty() && !config.region.empty() &&
      !config.availability_zone.starts_with(config.region)) {
    mistakes.add(fmt::format("{}: availability_zone {} is not in region {}", origin,
                             config.availability_zone, config.region));
  }
  if (!config.spot_price.empty() && config.method != "spot") {
    mistakes.add(fmt::format("{}: spot_price is for method = \"spot\" and not for {}", origin,
                             config.method));
  }
  mistakes.refuse();
}

}  // namespace detox
