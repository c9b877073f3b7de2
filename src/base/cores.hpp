// What control groups (a container, a batch job) leave of a machine.
#pragma once

#include <filesystem>
#include <optional>

namespace detox {

/// Processors that control groups allow, by cpu.max (version 2) or cpu.cfs_quota_us (version 1) of
/// the group in `membership` (as /proc/self/cgroup) and of those around it, below `root` (as
/// /sys/fs/cgroup). Empty: no limit.
std::optional<double> cgroup_processors(const std::filesystem::path& membership,
                                        const std::filesystem::path& root);

}  // namespace detox
