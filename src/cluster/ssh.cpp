#include "cluster/ssh.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "base/clock.hpp"
#include "base/home_folder.hpp"
#include "base/names.hpp"
#include "base/shell_line.hpp"
#include "cluster/state_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;

/// Comes before all else that the host says, and tells that the command was begun.
constexpr std::string_view kBegun = "detoxml: begun";
constexpr int kSshFailed = 255;
constexpr milliseconds kFirstPause{1'000};
constexpr milliseconds kKeyLookupLimit{20'000};

/// ssh expands %-tokens in the names of files, and takes a value apart at spaces and quotes.
std::string path_value(const std::string& path) {
  std::string value = "\"";
  for (const char c : path) value += c == '%' ? std::string("%%") : std::string(1, c);
  return value + '"';
}

void check_path(const std::string& path, std::string_view what) {
  if (path.find_first_of("\"\n\r") != std::string::npos || path.find('\0') != std::string::npos) {
    throw UsageError(
        fmt::format("{} {}: ssh takes no quotes and line ends in it", what, printable(path)));
  }
}

void check_readable(const std::string& path, std::string_view what) {
  check_path(path, what);
  if (access(path.c_str(), R_OK) != 0) {
    throw InputError(fmt::format("{} {} is not there, or not readable", what, printable(path)));
  }
}

std::string_view last_line(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  const std::size_t end = text.rfind('\n');
  return end == std::string_view::npos ? text : text.substr(end + 1);
}

/// A host that says this may answer in a moment; a refused key or a changed host will not.
bool is_passing(std::string_view errors) {
  constexpr std::array<std::string_view, 9> kPassing = {
      "Connection refused",   "timed out",        "Connection reset",
      "Connection closed",    "No route to host", "Network is unreachable",
      "Temporary failure in", "Broken pipe",      "kex_exchange_identification"};
  return std::any_of(kPassing.begin(), kPassing.end(), [errors](std::string_view word) {
    return errors.find(word) != std::string_view::npos;
  });
}

/// Takes out the line that says that the command was begun.
bool take_begun(std::string& errors) {
  const std::size_t at = errors.find(kBegun);
  if (at == std::string::npos) return false;
  errors.erase(at, std::min(kBegun.size() + 1, errors.size() - at));
  return true;
}

}  // namespace

std::filesystem::path default_known_hosts() { return state_folder() / "known_hosts"; }

void check_host(std::string_view host, std::string_view where) {
  const bool valid =
      !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
      std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_');
      });
  if (!valid) {
    throw UsageError(fmt::format("{}: '{}' is not the name or IPv4 address of a machine", where,
                                 printable(host)));
  }
}

std::string RemoteResult::failure() const {
  if (ok()) return {};
  const std::string said = printable(last_line(errors), 160);
  if (!reached) {
    if (timed_out) return "no answer within the time limit" + (said.empty() ? "" : ": " + said);
    return said.empty() ? fmt::format("ssh ended with exit code {}", exit_code) : said;
  }
  if (timed_out) return "not done within the time limit" + (said.empty() ? "" : ": " + said);
  if (exit_code == kSshFailed) return "the connection broke" + (said.empty() ? "" : ": " + said);
  return said.empty() ? fmt::format("exit code {}", exit_code)
                      : fmt::format("{} (exit code {})", said, exit_code);
}

Ssh::Ssh(SshSettings settings) : settings_(std::move(settings)) {
  for (const char* program : {"ssh", "scp"}) {
    if (!is_on_path(program)) {
      throw UsageError(
          fmt::format("no {} on PATH: install Debian's package openssh-client", program));
    }
  }
  if (!settings_.user.empty()) check_host(settings_.user, "ssh user");
  if (settings_.port < 0 || settings_.port > 65535)
    throw UsageError(fmt::format("ssh port {}: valid: 1 to 65535", settings_.port));
  if (!settings_.key_file.empty()) check_readable(settings_.key_file, "key file");
  if (!settings_.config_file.empty() && settings_.config_file != "none")
    check_readable(settings_.config_file, "ssh configuration");
  for (const std::string& option : settings_.options) {
    const std::size_t equals = option.find('=');
    if (equals == 0 || equals == std::string::npos || option.find('\n') != std::string::npos)
      throw UsageError(fmt::format("ssh option '{}': valid: Name=value", printable(option)));
  }
  if (settings_.knows_hosts_by_configuration) return;
  if (settings_.known_hosts.empty()) settings_.known_hosts = default_known_hosts();
  check_path(settings_.known_hosts.string(), "known hosts file");
  const std::filesystem::path folder = settings_.known_hosts.parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) {
    throw InputError(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  }
}

std::vector<std::string> Ssh::command_words() const { return general_words("ssh"); }

std::vector<std::string> Ssh::words(const std::string& program, const std::string& host) const {
  check_host(host, program);
  std::vector<std::string> words = general_words(program);
  const auto key_name = settings_.key_names.find(host);
  if (key_name != settings_.key_names.end())
    words.insert(words.end(), {"-o", "HostKeyAlias=" + key_name->second});
  return words;
}

std::vector<std::string> Ssh::general_words(const std::string& program) const {
  std::vector<std::string> words{program};
  if (!settings_.config_file.empty()) words.insert(words.end(), {"-F", settings_.config_file});
  const auto option = [&words](const std::string& text) {
    words.insert(words.end(), {"-o", text});
  };
  for (const std::string& own : settings_.options) option(own);
  option("BatchMode=yes");
  option(fmt::format("ConnectTimeout={}", settings_.connect_limit.count()));
  option("ServerAliveInterval=5");
  option("ServerAliveCountMax=3");
  if (!settings_.knows_hosts_by_configuration) {
    option("StrictHostKeyChecking=accept-new");
    option(fmt::format("UserKnownHostsFile={} ~/.ssh/known_hosts",
                       path_value(settings_.known_hosts.string())));
  }
  option("UpdateHostKeys=no");
  option("HashKnownHosts=no");
  option("LogLevel=ERROR");
  if (!settings_.user.empty()) option("User=" + settings_.user);
  if (settings_.port != 0) option(fmt::format("Port={}", settings_.port));
  if (!settings_.key_file.empty()) {
    option("IdentityFile=" + path_value(settings_.key_file));
    option("IdentitiesOnly=yes");
  }
  return words;
}

RemoteResult Ssh::run(const std::string& host, const RemoteCommand& command) const {
  const Clock::time_point end = Clock::real().now() + command.time_limit;
  ChildProgram ssh;
  ssh.arguments = words("ssh", host);
  // 255 is ssh's own word for its own failures.
  const std::string script =
      fmt::format("echo {} >&2; sh -c {}; r=$?; [ $r -ne 255 ] || r=254; exit $r",
                  shell_quoted(kBegun), shell_quoted(command.script));
  ssh.arguments.insert(ssh.arguments.end(), {"-T", "--", host, "sh -c " + shell_quoted(script)});
  ssh.input = command.input;
  if (command.on_line) {
    ssh.on_line = [&command](std::string_view line) {
      if (line != kBegun) command.on_line(line);
    };
  }
  milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    ssh.time_limit = std::max(milliseconds(1),
                              std::chrono::duration_cast<milliseconds>(end - Clock::real().now()));
    ChildResult child = run_child(ssh);
    RemoteResult result;
    result.reached = take_begun(child.errors);
    result.exit_code = child.exit_code;
    result.timed_out = child.timed_out;
    result.output = std::move(child.output);
    result.errors = std::move(child.errors);
    const bool again = !result.reached && !result.timed_out && result.exit_code == kSshFailed &&
                       is_passing(result.errors) && attempt < settings_.connect_attempts;
    if (!again || Clock::real().now() + pause >= end) return result;
    std::this_thread::sleep_for(pause);
  }
}

RemoteResult Ssh::run(const std::string& host, const std::string& script,
                      milliseconds time_limit) const {
  RemoteCommand command;
  command.script = script;
  command.time_limit = time_limit;
  return run(host, command);
}

void Ssh::copy(const std::string& host, const std::vector<std::string>& from_to,
               milliseconds time_limit) const {
  const Clock::time_point end = Clock::real().now() + time_limit;
  ChildProgram scp;
  scp.arguments = words("scp", host);
  scp.arguments.insert(scp.arguments.end(), {"-r", "-p", "--"});
  scp.arguments.insert(scp.arguments.end(), from_to.begin(), from_to.end());
  milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    scp.time_limit = std::max(milliseconds(1),
                              std::chrono::duration_cast<milliseconds>(end - Clock::real().now()));
    const ChildResult child = run_child(scp);
    if (child.ok()) return;
    const bool again = !child.timed_out && is_passing(child.errors) &&
                       attempt < settings_.connect_attempts && Clock::real().now() + pause < end;
    if (again) {
      std::this_thread::sleep_for(pause);
      continue;
    }
    if (child.timed_out) throw InputError("not copied within the time limit");
    // scp says what went wrong first, and then what that kept it from.
    std::istringstream lines(child.errors);
    std::string line, said;
    while (said.empty() && std::getline(lines, line)) said = line;
    if (!said.empty() && said.back() == '\r') said.pop_back();
    if (said.empty()) said = fmt::format("scp ended with exit code {}", child.exit_code);
    throw InputError(printable(said, 160));
  }
}

void Ssh::copy_to(const std::string& host, const std::filesystem::path& from, const std::string& to,
                  milliseconds time_limit) const {
  // An absolute name is never taken for HOST:FILE or an option.
  copy(host, {std::filesystem::absolute(from).string(), host + ":" + to}, time_limit);
}

void Ssh::copy_from(const std::string& host, const std::string& from,
                    const std::filesystem::path& to, milliseconds time_limit) const {
  copy(host, {host + ":" + from, std::filesystem::absolute(to).string()}, time_limit);
}

/// What ssh itself looks a host's key up by: its own words about its configuration say so.
std::string Ssh::key_name(const std::string& host) const {
  ChildProgram ssh;
  ssh.arguments = words("ssh", host);
  ssh.arguments.insert(ssh.arguments.end(), {"-G", "--", host});
  ssh.time_limit = kKeyLookupLimit;
  std::istringstream lines(run_child(ssh).output);
  std::string name = host, alias, port = "22", key, value;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words_of(line);
    if (!(words_of >> key >> value)) continue;
    if (key == "hostname") name = value;
    if (key == "hostkeyalias") alias = value;
    if (key == "port") port = value;
  }
  if (!alias.empty() && alias != "none") return alias;
  return port == "22" ? name : fmt::format("[{}]:{}", name, port);
}

std::string Ssh::known_keys(const std::string& host, const std::string& shown_as) const {
  std::vector<std::filesystem::path> files{settings_.known_hosts};
  if (const auto home = home_folder()) files.push_back(*home / ".ssh" / "known_hosts");
  ChildProgram find;
  find.arguments = {"ssh-keygen", "-F", key_name(host), "-f", ""};
  find.time_limit = kKeyLookupLimit;
  std::string keys;
  for (const std::filesystem::path& file : files) {
    find.arguments.back() = file.string();
    const ChildResult found = run_child(find);
    std::istringstream lines(found.ok() ? found.output : "");
    for (std::string line; std::getline(lines, line);) {
      // Lines that begin with @ revoke a key or name an authority: not a host's own.
      const std::size_t space = line.find(' ');
      if (line.empty() || line[0] == '#' || line[0] == '@' || space == std::string::npos) continue;
      keys += shown_as + line.substr(space) + '\n';
    }
  }
  return keys;
}

}  // namespace detox
