// How often a rule has left out what workers had answered.
#pragma once

#include <cstdint>
#include <vector>

#include "record/step_report.hpp"

namespace detox {

/// By worker: slices that it counted for and that were used, and those of them that the rule left
/// out.
struct Rejections {
  explicit Rejections(std::size_t workers) : used(workers), rejected(workers) {}
  void add(const StepReport& report) {
    for (const std::uint32_t slice : report.used) {
      for (const std::uint32_t worker : report.counted[slice]) ++used[worker];
    }
    for (const std::uint32_t slice : report.rejected) {
      for (const std::uint32_t worker : report.counted[slice]) ++rejected[worker];
    }
  }

  std::vector<std::uint64_t> used, rejected;
};

}  // namespace detox
