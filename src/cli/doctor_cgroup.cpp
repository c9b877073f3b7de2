#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "cli/doctor.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

/// The folders of this process's group and of those around it, innermost first, for one controller;
/// version 2 has one tree for all of them, whose line names none.
std::vector<fs::path> group_folders(const fs::path& membership, const fs::path& root,
                                    std::string_view controller) {
  std::vector<fs::path> folders;
  std::ifstream file(membership);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find("," + std::string(controller) + ",") == std::string::npos)
      continue;
    const fs::path top = unified ? root : root / controller;
    fs::path group = fs::path(line.substr(second + 1)).relative_path();
    // In a container the path may be that of the host, and the folder the container's own.
    for (; !group.empty(); group = group.parent_path()) folders.push_back(top / group);
    folders.push_back(top);
  }
  return folders;
}

std::optional<double> number_in(const fs::path& file) {
  std::ifstream stream(file);
  double number = 0;
  if (stream >> number) return number;
  return std::nullopt;
}

}  // namespace

std::optional<double> cgroup_processors(const fs::path& membership, const fs::path& root) {
  std::optional<double> least;
  for (const fs::path& folder : group_folders(membership, root, "cpu")) {
    std::ifstream both(folder / "cpu.max");
    double quota = 0, period = 0;
    if (!(both >> quota >> period)) {  // "max 100000" is no limit
      quota = number_in(folder / "cpu.cfs_quota_us").value_or(-1);
      period = number_in(folder / "cpu.cfs_period_us").value_or(0);
    }
    if (quota > 0 && period > 0) least = std::min(least.value_or(quota / period), quota / period);
  }
  return least;
}

std::optional<std::uint64_t> cgroup_memory_left(const fs::path& membership, const fs::path& root) {
  // Version 1 writes a number near 2^63 where there is no limit.
  constexpr double kNoLimit = 1e18;
  std::optional<std::uint64_t> least;
  for (const fs::path& folder : group_folders(membership, root, "memory")) {
    for (const auto& [limit_file, use_file] :
         {std::pair("memory.max", "memory.current"),
          std::pair("memory.limit_in_bytes", "memory.usage_in_bytes")}) {
      const auto limit = number_in(folder / limit_file);
      if (!limit || *limit > kNoLimit) continue;
      const double left = std::max(0.0, *limit - number_in(folder / use_file).value_or(0));
      least = std::min(least.value_or(std::numeric_limits<std::uint64_t>::max()),
                       static_cast<std::uint64_t>(left));
    }
  }
  return least;
}

}  // namespace detox
