#include "cluster/state_folder.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "base/home_folder.hpp"
#include "detox/errors.hpp"

namespace detox {

std::filesystem::path state_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return std::filesystem::path(state) / "detoxml";
  const auto home = home_folder();
  if (!home || !home->is_absolute()) {
    throw UsageError(
        "there is no home directory (HOME, or an entry in passwd): detoxml cluster keeps the keys "
        "of hosts in ~/.local/state/detoxml");
  }
  return *home / ".local" / "state" / "detoxml";
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
  constexpr mode_t kOwnerAlone = 0600;
  LockHolder holder;
  try {
    auto lock = ProcessLock::take(path, holder, kOwnerAlone);
    if (lock) lock_ = std::move(*lock);
    if (lock) return;
  } catch (const std::system_error& error) {
    throw InputError(error.what());
  }
  throw InputError(
      fmt::format("another detoxml is launching or ending the cluster {}: wait for it, or end it{}",
                  name, holder.in_words(path)));
}

}  // namespace detox
