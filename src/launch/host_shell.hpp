// How commands get to the hosts of a job: the same way for what looks at them before, and for
// mpirun's daemons.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cluster/ssh.hpp"

namespace detox {

/// Any number of threads may use one at once.
class HostShell {
 public:
  /// "ssh", "srun" (in a Slurm allocation) or "auto": srun where SLURM_JOB_ID is set. Where
  /// OMPI_MCA_plm_rsh_agent names a program, auto is that. "none" where no other host is meant.
  /// UsageError where it cannot be used here.
  explicit HostShell(const std::string& choice);

  /// "ssh", "srun" or the user's agent, for messages.
  const std::string& name() const { return name_; }

  /// Runs a script in a POSIX shell there.
  RemoteResult run(const std::string& host, const std::string& script,
                   std::chrono::milliseconds time_limit) const;

  /// The same as a program of its own, which ends there with its input, or with srun: for a script
  /// whose last command is an exec. Exit code 255 where ssh did not reach the host or the
  /// connection broke.
  ChildProgram program(const std::string& host, const std::string& script) const;

  /// Whether Slurm ends what a command leaves running, so that daemons must not leave it.
  bool ends_with_its_command() const { return name_ == "srun"; }

  /// A script for sh that mpirun calls with a host and a command; empty where mpirun knows its
  /// agent from the environment.
  std::string agent_script() const;

 private:
  std::string name_;
  std::unique_ptr<Ssh> ssh_;
  std::vector<std::string> own_agent_;
};

}  // namespace detox
