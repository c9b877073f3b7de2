#include "launch/host_shell.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "base/child_program.hpp"
#include "base/shell_line.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr const char* kAgentVariable = "OMPI_MCA_plm_rsh_agent";
/// A step of its own for each command, so that a host which is lost costs no other; all processors
/// of the host, also where other steps use them.
constexpr const char* kSrun =
    "srun --nodes=1 --ntasks=1 --ntasks-per-node=1 --overlap --mpi=none --cpu-bind=none "
    "--input=none --nodelist";
/// Comes before all else that the host says: the command was begun.
constexpr std::string_view kBegunThere = "detoxml: begun\n";

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

HostShell::HostShell(const std::string& choice) : name_(choice) {
  const char* agent = std::getenv(kAgentVariable);
  if (choice == "auto") {
    if (agent != nullptr) own_agent_ = words_of(agent);
    const bool in_slurm = std::getenv("SLURM_JOB_ID") != nullptr && is_on_path("srun");
    name_ = !own_agent_.empty() ? own_agent_.front() : in_slurm ? "srun" : "ssh";
  }
  if (name_ == "ssh" && own_agent_.empty()) {
    SshSettings settings;
    settings.knows_hosts_by_configuration = true;  // as mpirun's own ssh would
    ssh_ = std::make_unique<Ssh>(settings);
  }
  if (name_ != "srun" || !own_agent_.empty()) return;
  if (!is_on_path("srun")) {
    throw UsageError("--agent srun: no srun on PATH: install Debian's package slurm-client");
  }
  if (std::getenv("SLURM_JOB_ID") == nullptr) {
    throw UsageError(
        "--agent srun is for a job of Slurm's, and SLURM_JOB_ID is not set; valid here: ssh");
  }
}

RemoteResult HostShell::run(const std::string& host, const std::string& script,
                            std::chrono::milliseconds time_limit) const {
  if (ssh_) return ssh_->run(host, script, time_limit);
  check_host(host, name_);
  ChildProgram program;
  program.arguments = own_agent_.empty() ? words_of(kSrun) : own_agent_;
  program.arguments.push_back(host);
  const std::string marked = "echo detoxml: begun >&2; " + script;
  if (own_agent_.empty()) {
    program.arguments.insert(program.arguments.end(), {"sh", "-c", marked});
  } else {
    program.arguments.push_back("sh -c " + shell_quoted(marked));
  }
  program.time_limit = time_limit;
  ChildResult child = run_child(program);
  RemoteResult result;
  const std::size_t begun = child.errors.find(kBegunThere);
  result.reached = begun != std::string::npos;
  if (result.reached) child.errors.erase(begun, kBegunThere.size());
  result.exit_code = child.exit_code;
  result.timed_out = child.timed_out;
  result.output = std::move(child.output);
  result.errors = std::move(child.errors);
  return result;
}

ChildProgram HostShell::program(const std::string& host, const std::string& script) const {
  check_host(host, name_);
  ChildProgram program;
  if (!ssh_ && own_agent_.empty()) {
    program.arguments = words_of(kSrun);
    program.arguments.insert(program.arguments.end(), {host, "sh", "-c", script});
    return program;
  }
  // Nobody tells a program on another machine that who wants it is gone; its input ends then.
  const std::string watched = fmt::format(
      "trap '' HUP\nexec 3<&0\nsh -c {} </dev/null 3<&- &\nchild=$!\n"
      "{{ while read -r line <&3; do :; done; kill -TERM $child; }} >/dev/null 2>&1 &\nwatch=$!\n"
      "wait $child\ncode=$?\nkill $watch 2>/dev/null\n[ $code -ne 255 ] || code=254\nexit $code",
      shell_quoted(script));
  program.arguments = ssh_ ? ssh_->command_words() : own_agent_;
  if (ssh_) program.arguments.insert(program.arguments.end(), {"-T", "--"});
  program.arguments.insert(program.arguments.end(), {host, "sh -c " + shell_quoted(watched)});
  program.ends_with_input = true;
  return program;
}

std::string HostShell::agent_script() const {
  if (ssh_) return fmt::format("exec {} -T -- \"$@\"\n", shell_line(ssh_->command_words()));
  if (!own_agent_.empty()) return {};
  return fmt::format("host=$1; shift\nexec {} \"$host\" sh -c \"$*\"\n", kSrun);
}

}  // namespace detox
