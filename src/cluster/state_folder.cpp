#include "cluster/state_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cstdlib>

#include "detox/errors.hpp"

namespace detox {

std::filesystem::path state_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return std::filesystem::path(state) / "detoxml";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    throw UsageError(
        "HOME is not set: detoxml cluster keeps the keys of hosts in ~/.local/state/detoxml");
  }
  return std::filesystem::path(home) / ".local" / "state" / "detoxml";
}

std::filesystem::path cluster_file(const std::string& name, const std::string& kind) {
  const std::filesystem::path folder = state_folder() / "clusters";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw InputError(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  }
  return folder / (name + "." + kind);
}

ClusterLock::ClusterLock(const std::string& name) {
  const std::filesystem::path path = cluster_file(name, "lock");
  file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file_.is_open()) {
    throw InputError(fmt::format("cannot open {}: {}", path.string(), system_error_text()));
  }
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw InputError(fmt::format(
        "another detoxml is launching or ending the cluster {}: wait for it, or end it", name));
  }
}

}  // namespace detox
