// How much memory a host has left, and how much this process has needed.
#pragma once

#include <cstdint>
#include <filesystem>

namespace detox {

/// Bytes that may still be used without swapping: what the system estimates, or less where a limit
/// of a control group (a container, a batch job) is nearer. `root` is / but in tests.
std::uint64_t available_memory(const std::filesystem::path& root = "/");

struct ProcessMemory {
  std::uint64_t now = 0, most = 0;  ///< of its own, now and at the worst so far
  std::uint64_t shared = 0;  ///< of files, mostly libraries: processes of one host have them once
};
ProcessMemory own_memory(const std::filesystem::path& root = "/");

}  // namespace detox
