#include "host/control_group.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

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

std::optional<double> first_number_of(const fs::path& file) {
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
      quota = first_number_of(folder / "cpu.cfs_quota_us").value_or(-1);
      period = first_number_of(folder / "cpu.cfs_period_us").value_or(0);
    }
    if (quota > 0 && period > 0) least = std::min(least.value_or(quota / period), quota / period);
  }
  return least;
}

}  // namespace detox
