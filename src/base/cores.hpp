// How many processors this process may use.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace detox {

struct CoreLimits {
  std::size_t online = 1;      ///< of the machine
  std::size_t allowed = 1;     ///< of these, to the calling thread: taskset, a batch system, mpirun
  std::optional<double> time;  ///< of so many at once, by control groups; empty: no limit

  /// Those allowed, or fewer where there is time for fewer; at least 1.
  std::size_t usable() const;
};

CoreLimits core_limits();

/// core_limits().usable(): threads where the user names no number.
std::size_t usable_cores();

/// Processors that control groups allow, by cpu.max (version 2) or cpu.cfs_quota_us (version 1) of
/// the group in `membership` (as /proc/self/cgroup) and of those around it, below `root` (as
/// /sys/fs/cgroup). Empty: no limit.
std::optional<double> cgroup_processors(const std::filesystem::path& membership,
                                        const std::filesystem::path& root);

}  // namespace detox
