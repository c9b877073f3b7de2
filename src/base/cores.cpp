#include "base/cores.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

namespace detox {
namespace {

namespace fs = std::filesystem;

/// The folders of this process's group and of those around it, innermost first, as far as they
/// share out processors; version 2 has one tree for everything, whose line names nothing.
std::vector<fs::path> group_folders(const fs::path& membership, const fs::path& root) {
  std::vector<fs::path> folders;
  std::ifstream file(membership);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(",cpu,") == std::string::npos) continue;
    const fs::path top = unified ? root : root / "cpu";
    fs::path group = fs::path(line.substr(second + 1)).relative_path();
    // In a container the path may be that of the host, and the folder the container's own.
    for (; !group.empty(); group = group.parent_path()) folders.push_back(top / group);
    folders.push_back(top);
  }
  return folders;
}

std::optional<double> first_number_of(const fs::path& file) {
  std::ifstream stream(file);
  double number = 0;
  if (stream >> number) return number;
  return std::nullopt;
}

}  // namespace

std::size_t CoreLimits::usable() const {
  if (!time) return allowed;
  // With time for 1.5 the second thread still gains something.
  return std::min(allowed, static_cast<std::size_t>(std::max(1.0, std::floor(*time + 0.5))));
}

CoreLimits core_limits() {
  CoreLimits limits;
  limits.online = static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  // More processors than the set has room for are an error, and nothing is known of them.
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool is_known = sched_getaffinity(0, sizeof set, &set) == 0;
  limits.allowed = is_known ? static_cast<std::size_t>(CPU_COUNT(&set)) : limits.online;
  limits.time = cgroup_processors("/proc/self/cgroup", "/sys/fs/cgroup");
  return limits;
}

std::size_t usable_cores() { return core_limits().usable(); }

std::optional<double> cgroup_processors(const fs::path& membership, const fs::path& root) {
  std::optional<double> least;
  for (const fs::path& folder : group_folders(membership, root)) {
    std::ifstream both(folder / "cpu.max");
    double quota = 0, period = 0;
    if (!(both >> quota >> period)) {  // "max 100000" is no limit
      quota = first_number_of(folder / "cpu.cfs_quota_us").value_or(-1);
      period = first_number_of(folder / "cpu.cfs_period_us").value_or(0);
    }
    if (quota > 0 && period > 0) least = std::min(least.value_or(quota / period), quota / period);
  }
  return least;
}

}  // namespace detox
