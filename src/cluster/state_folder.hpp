// What this machine remembers about clusters: keys of hosts, and requests whose answer is not in
// yet. No credential is ever among it.
#pragma once

#include <filesystem>
#include <string>

#include "base/process_lock.hpp"

namespace detox {

/// "$XDG_STATE_HOME/detoxml", or ~/.local/state/detoxml. Not made. UsageError where
/// there is no home directory.
std::filesystem::path state_folder();

/// The files of one cluster: `state_folder()/clusters/NAME.<kind>`; the folder is made. InputError
/// where it cannot be.
std::filesystem::path cluster_file(const std::string& name, const std::string& kind);

/// Held by one process at a time, until the object goes or the process ends. InputError where
/// another one has it.
class ClusterLock {
 public:
  explicit ClusterLock(const std::string& name);

 private:
  ProcessLock lock_;
};

}  // namespace detox
