#include "cluster/prepare_hosts.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>
#include <sstream>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/shell_line.hpp"
#include "cluster/host_scripts.hpp"

namespace detox {
namespace {

constexpr std::array<std::string_view, 2> kSystems{"debian 12", "debian 13"};
/// Connections to one host that are not let in yet; sshd turns away what is above ten.
constexpr std::size_t kAtOnceToOneHost = 6;

/// "x86_64 debian 12", as describe_host_script says it of a host.
std::string this_platform() {
  utsname names{};
  uname(&names);
  std::ifstream file("/etc/os-release");
  std::string id = "unknown", version;
  for (std::string line; std::getline(file, line);) {
    line.erase(std::remove(line.begin(), line.end(), '"'), line.end());
    if (line.starts_with("ID=")) id = line.substr(3);
    if (line.starts_with("VERSION_ID=")) version = line.substr(11);
  }
  return fmt::format("{} {} {}", names.machine, id, version);
}

class Preparation {
 public:
  Preparation(const Ssh& ssh, const std::vector<ClusterHost>& hosts, const ClusterConfig& config,
              const PrepareHostsOptions& options)
      : ssh_(ssh), config_(config), options_(options), table_(aliases(hosts)) {
    for (const ClusterHost& host : hosts) {
      hosts_[host.alias] = host;
      order_.push_back(host.alias);
    }
  }

  StepTable run() {
    reach();
    if (is_wanted("keys")) keys();
    if (is_wanted("packages"))
      step("packages", {"reach"}, [this](const auto& h) { return packages(h); });
    if (is_wanted("program"))
      step("program", {"reach", "packages"}, [this](const auto& h) { return program(h); });
    if (config_.has_shared_files() && is_wanted("mount"))
      step("mount", {"reach", "packages"}, [this](const auto& h) { return mount(h); });
    if (!config_.datasets.empty() && is_wanted("data")) data();
    return table_;
  }

 private:
  using Task = std::function<std::string(const std::string& alias)>;

  static std::vector<std::string> aliases(const std::vector<ClusterHost>& hosts) {
    std::vector<std::string> names(hosts.size());
    std::transform(hosts.begin(), hosts.end(), names.begin(),
                   [](const ClusterHost& host) { return host.alias; });
    return names;
  }

  bool is_wanted(const std::string& step) const { return options_.skipped.count(step) == 0; }
  const std::string& address(const std::string& alias) const { return hosts_.at(alias).address; }
  const std::string& server() const { return order_.front(); }

  /// On the hosts where all that it needs, and was wanted, is done.
  std::vector<std::string> hosts_with(const std::vector<std::string>& needed) const {
    std::vector<std::string> ready;
    std::copy_if(order_.begin(), order_.end(), std::back_inserter(ready),
                 [&](const std::string& host) {
                   return std::all_of(needed.begin(), needed.end(), [&](const std::string& step) {
                     const bool is_optional = step == "mount" && !config_.has_shared_files();
                     return is_optional || !is_wanted(step) || table_.is_ok(host, step);
                   });
                 });
    return ready;
  }

  void step(const std::string& name, const std::vector<std::string>& needed, const Task& task) {
    table_.add(name, on_each_host(hosts_with(needed), name, task));
  }

  /// Its standard output. InputError with the script's last word where it failed.
  std::string must_run(const std::string& alias, const std::string& script,
                       std::chrono::seconds limit, const std::string& input = {}) const {
    RemoteCommand command;
    command.script = script;
    command.input = input;
    command.time_limit = limit;
    const RemoteResult result = ssh_.run(address(alias), command);
    if (!result.ok()) throw InputError(result.failure());
    return result.output;
  }

  std::string quick(const std::string& alias, const std::string& script,
                    const std::string& input = {}) const {
    return must_run(alias, script, options_.short_limit, input);
  }

  void reach() {
    std::vector<HostResult> results = on_each_host(
        order_, "reach", [this](const auto& h) { return quick(h, describe_host_script()); });
    for (HostResult& result : results) {
      std::istringstream lines(result.output);
      std::getline(lines, platforms_[result.host]);
    }
    table_.add("reach", results);
  }

  void keys() {
    std::vector<HostResult> results;
    try {
      results = share_keys();
    } catch (const InputError& error) {
      results = {{server(), "", error.what()}};
    }
    table_.add("keys", results);
  }

  /// Throws where the server itself fails.
  std::vector<HostResult> share_keys() const {
    if (!table_.is_ok(server(), "reach")) throw InputError("the server was not reached");
    std::string key = quick(server(), server_key_script(config_.label()));
    key.erase(key.find_last_not_of(" \n") + 1);
    if (key.size() > 400 ||
        !std::regex_match(key, std::regex("ssh-ed25519 [A-Za-z0-9+/=]+ [ -~]*")))
      throw InputError("the server gave no public key but " + printable(key));
    const std::vector<std::string> reached = hosts_with({"reach"});
    std::string known, missing;
    std::vector<std::string> peers;
    peers.reserve(reached.size());
    for (const std::string& alias : reached) {
      const std::string keys_of_host = ssh_.known_keys(address(alias), peer_name(alias));
      if (keys_of_host.empty()) missing = alias;
      known += keys_of_host;
      peers.push_back(hosts_.at(alias).peer_address);
    }
    if (!missing.empty()) throw InputError(fmt::format("the key of {} is not known here", missing));
    quick(server(), server_settings_script(config_, peers), known);
    return on_each_host(
        reached, "keys",
        [&](const std::string& alias) {
          quick(alias, authorize_script(key));
          quick(server(), reach_peer_script(hosts_.at(alias).peer_address));
          return std::string();
        },
        kAtOnceToOneHost);
  }

  /// As the server's known_hosts file has it.
  std::string peer_name(const std::string& alias) const {
    const std::string& peer = hosts_.at(alias).peer_address;
    return config_.ssh_port == 0 || config_.ssh_port == 22
               ? peer
               : fmt::format("[{}]:{}", peer, config_.ssh_port);
  }

  std::string packages(const std::string& alias) const {
    const std::string& platform = platforms_.at(alias);
    const std::string system = platform.substr(platform.find(' ') + 1);
    if (std::ranges::find(kSystems, system) == kSystems.end()) {
      throw InputError(
          fmt::format("packages are for Debian 12 and 13, and this is {}", printable(platform)));
    }
    std::vector<std::string> arguments;
    if (config_.has_shared_files()) arguments.emplace_back("--nfs");
    return must_run(alias, run_input_script(arguments), options_.long_limit,
                    options_.package_script);
  }

  std::string program(const std::string& alias) const {
    if (platforms_.at(alias) != this_platform()) {
      throw InputError(fmt::format("this program is for {}, and the host is {}", this_platform(),
                                   printable(platforms_.at(alias))));
    }
    // The program last: where it is new, its modules are.
    for (std::size_t i = options_.program.size(); i-- > 0;) {
      const std::string file =
          fmt::format("{}/{}", config_.install_dir, options_.program[i].place.string());
      std::string had =
          quick(alias, fmt::format("sha256sum {} 2>/dev/null | cut -c 1-64", shell_quoted(file)));
      had.erase(had.find_last_not_of('\n') + 1);
      if (had == checksums()[i]) continue;
      ship(alias, options_.program[i].file, file, checksums()[i]);
      if (i == 0) ship_package_script(alias);
    }
    const std::string program =
        fmt::format("{}/{}", config_.install_dir, options_.program.front().place.string());
    return quick(alias, shell_line({program, "--version"}) + " </dev/null");
  }

  /// Under another name first, one for each host: they may share this folder.
  void ship(const std::string& alias, const std::filesystem::path& from, const std::string& file,
            const std::string& checksum) const {
    const std::filesystem::path place(file);
    const std::string folder = place.parent_path().string();
    const std::string uploaded =
        fmt::format("{}/.{}.{}.part", folder, place.filename().string(), alias);
    quick(alias, make_folder_script(folder));
    ssh_.copy_to(address(alias), from.string(), uploaded, options_.long_limit);
    quick(alias, put_in_place_script(uploaded, file, checksum));
  }

  void ship_package_script(const std::string& alias) const {
    const std::string share = config_.install_dir + "/share/detoxml";
    quick(alias, make_folder_script(share));
    const std::string script = share + "/install-deps";
    const std::string part = fmt::format("{}.{}.part", script, alias);
    quick(alias,
          fmt::format("cat >{0} && chmod 755 {0} && mv {0} {1}", shell_quoted(part),
                      shell_quoted(script)),
          options_.package_script);
  }

  /// Of the program's files, in their order.
  const std::vector<std::string>& checksums() const {
    std::call_once(checksum_once_, [this] {
      for (const InstalledFile& installed : options_.program)
        checksums_.push_back(digest_of_file(installed.file));
    });
    return checksums_;
  }

  std::string mount(const std::string& alias) const {
    std::string said = quick(alias, mount_script(config_));
    if (said.starts_with("mounted, but")) log_warning("{}: {}", alias, printable(said, 200));
    return said;
  }

  void data() {
    std::vector<std::string> hosts = hosts_with({"reach", "packages", "program", "mount"});
    if (config_.has_shared_data()) {
      // One host writes what all see.
      hosts.resize(std::min<std::size_t>(hosts.size(), 1));
    }
    table_.add("data",
               on_each_host(
                   hosts, "data", [this](const auto& h) { return data_on(h); }, kAtOnceToOneHost));
  }

  std::string data_on(const std::string& alias) const {
    const std::string folder = config_.data_folder();
    quick(alias, make_folder_script(folder));
    for (const std::string& name : config_.datasets) {
      const auto command = [&](const char* verb) {
        return shell_line({config_.install_dir + "/bin/detoxml", "data", verb, name, "--data-dir",
                           folder}) +
               " </dev/null";
      };
      if (options_.data_from.empty()) {
        must_run(alias, command("prepare"), options_.long_limit);
        continue;
      }
      RemoteCommand verify;
      verify.script = command("verify");
      verify.time_limit = options_.long_limit;
      if (ssh_.run(address(alias), verify).ok()) continue;
      ssh_.copy_to(address(alias), std::filesystem::path(options_.data_from) / name, folder + "/",
                   options_.long_limit);
      must_run(alias, verify.script, options_.long_limit);
    }
    return {};
  }

  const Ssh& ssh_;
  const ClusterConfig& config_;
  const PrepareHostsOptions& options_;
  StepTable table_;
  std::map<std::string, ClusterHost> hosts_;  ///< by alias
  std::vector<std::string> order_;
  std::map<std::string, std::string> platforms_;
  mutable std::once_flag checksum_once_;
  mutable std::vector<std::string> checksums_;
};

}  // namespace

const std::vector<std::string_view>& prepare_steps() {
  static const std::vector<std::string_view> kSteps{"reach",   "keys",  "packages",
                                                    "program", "mount", "data"};
  return kSteps;
}

StepTable prepare_hosts(const Ssh& ssh, const std::vector<ClusterHost>& hosts,
                        const ClusterConfig& config, const PrepareHostsOptions& options) {
  return Preparation(ssh, hosts, config, options).run();
}

}  // namespace detox
