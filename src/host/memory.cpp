#include "host/memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace detox {
namespace {

namespace fs = std::filesystem;

/// The number behind a word that begins a line.
std::uint64_t number_in(const fs::path& file, std::string_view name) {
  std::ifstream text(file);
  for (std::string word; text >> word;) {
    std::uint64_t value = 0;
    if (word == name && text >> value) return value;
    text.clear();
    text.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

std::optional<std::uint64_t> number(const fs::path& file) {
  std::ifstream text(file);
  std::uint64_t value = 0;
  if (text >> value) return value;
  return std::nullopt;  // "max", or no such file
}

/// What the limits of this process's control group, and of those that it lies in, leave.
std::uint64_t left_by_control_groups(const fs::path& root) {
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
  std::ifstream groups(root / "proc/self/cgroup");
  std::string own;
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::/")) own = line.substr(4);
  }
  const fs::path top = root / "sys/fs/cgroup";
  for (fs::path group = top / own;; group = group.parent_path()) {
    if (const auto limit = number(group / "memory.max")) {
      const std::uint64_t used = number(group / "memory.current").value_or(0);
      const std::uint64_t given_back = number_in(group / "memory.stat", "inactive_file");
      const std::uint64_t kept = used - std::min(used, given_back);
      left = std::min(left, *limit - std::min(*limit, kept));
    }
    if (group == top || group == group.parent_path()) return left;
  }
}

}  // namespace

std::uint64_t available_memory(const fs::path& root) {
  const std::uint64_t system = number_in(root / "proc/meminfo", "MemAvailable:") * 1024;
  return std::min(system, left_by_control_groups(root));
}

ProcessMemory own_memory(const fs::path& root) {
  const fs::path status = root / "proc/self/status";
  const auto bytes = [&status](std::string_view name) { return number_in(status, name) * 1024; };
  ProcessMemory memory;
  memory.now = bytes("RssAnon:");
  memory.shared = bytes("RssFile:") + bytes("RssShmem:");
  const std::uint64_t most = bytes("VmHWM:");
  memory.most = std::max(memory.now, most - std::min(most, memory.shared));
  return memory;
}

}  // namespace detox
