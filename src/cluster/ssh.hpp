// Other machines by way of ssh and scp: commands run there, files carried there and back. Nothing
// is ever asked (BatchMode), every wait has a time limit, and the keys of hosts are remembered when
// they are first seen and compared from then on.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_program.hpp"

namespace detox {

struct SshSettings {
  std::string user;         ///< empty: ssh's own choice
  std::string key_file;     ///< the private key, and no other then; empty: ssh's own choice
  int port = 0;             ///< 0: ssh's own choice
  std::string config_file;  ///< in place of the user's ~/.ssh/config, as ssh's -F
  std::vector<std::string> options;  ///< more of ssh's, "Name=value" each; they win over ours
  /// Keys of hosts that are seen for the first time go here; the user's own ~/.ssh/known_hosts is
  /// read as well. Empty: default_known_hosts().
  std::filesystem::path known_hosts;
  /// Which keys hosts may have is left to the user's own configuration: as plain ssh, an unknown
  /// host is refused.
  bool knows_hosts_by_configuration = false;
  /// The name that a host's key is remembered under where it is not the address, which another
  /// machine may have next week.
  std::map<std::string, std::string> key_names;
  std::chrono::seconds connect_limit{10};  ///< for one attempt
  int connect_attempts = 3;                ///< where a host refuses, is silent or cuts the line
};

/// `known_hosts` in state_folder().
std::filesystem::path default_known_hosts();

/// UsageError unless it is a host name or an address: no dash first, and nothing that ssh, scp or a
/// shell could take apart.
void check_host(std::string_view host, std::string_view where);

struct RemoteCommand {
  std::string script;  ///< for the host's sh -c; quote with shell_quoted()
  std::string input;   ///< its standard input
  std::chrono::milliseconds time_limit = std::chrono::minutes(2);  ///< with all attempts
  /// Each line of either stream as it comes, on the calling thread.
  std::function<void(std::string_view line)> on_line;
};

struct RemoteResult {
  bool reached = false;  ///< whether the command was begun at all
  int exit_code = 0;  ///< the command's own; that of ssh where it was not begun or the line broke
  bool timed_out = false;
  std::string output, errors;

  bool ok() const { return reached && exit_code == 0 && !timed_out; }
  /// What went wrong, in one line of printable text: ssh's or the command's last word, or that its
  /// time was over. Empty where ok().
  std::string failure() const;
};

/// Any number of threads may use one at once. Owns nothing but its settings.
class Ssh {
 public:
  /// Makes the folder of the known hosts. UsageError where ssh is not on PATH, or a setting holds
  /// what it cannot; InputError where the key or configuration file or the folder is not there.
  explicit Ssh(SshSettings settings);

  /// Connects again, within the time limit, only where the command was certainly not begun.
  RemoteResult run(const std::string& host, const RemoteCommand& command) const;
  RemoteResult run(const std::string& host, const std::string& script,
                   std::chrono::milliseconds time_limit) const;

  /// A file or a folder with all that is in it, as scp -r has it: into `to` where that is a folder
  /// on the host, else to that name. InputError with what scp says.
  void copy_to(const std::string& host, const std::filesystem::path& from, const std::string& to,
               std::chrono::milliseconds time_limit) const;
  void copy_from(const std::string& host, const std::string& from, const std::filesystem::path& to,
                 std::chrono::milliseconds time_limit) const;

  /// The keys of a host that was reached before, as lines for another machine's known_hosts with
  /// `shown_as` for its name; empty where none is known.
  std::string known_keys(const std::string& host, const std::string& shown_as) const;

  /// ssh and its options, for who starts it otherwise; the host and the command go behind.
  std::vector<std::string> command_words() const;

  const SshSettings& settings() const { return settings_; }

 private:
  std::string key_name(const std::string& host) const;
  std::vector<std::string> general_words(const std::string& program) const;
  std::vector<std::string> words(const std::string& program, const std::string& host) const;
  void copy(const std::string& host, const std::vector<std::string>& from_to,
            std::chrono::milliseconds time_limit) const;

  SshSettings settings_;
};

struct HostResult {
  std::string host;
  std::string output;   ///< what the task returned
  std::string failure;  ///< what the task threw, one line; empty where it did not

  bool ok() const { return failure.empty(); }
};

/// Does a task for every host, so many at a time, and says on standard error how it goes, a line a
/// host: "WHAT: 2 of 4: node2: done" or the failure. Results in the order of the hosts. What the
/// task throws is that host's failure and keeps no other from its turn.
std::vector<HostResult> on_each_host(
    const std::vector<std::string>& hosts, std::string_view what,
    const std::function<std::string(const std::string& host)>& task, std::size_t at_once = 16);

}  // namespace detox
