// Which workers are Byzantine in a step. Pure; known to the simulated attackers, never to the
// server.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assignment.hpp"
#include "detox/random.hpp"

namespace detox {

enum class FailSchedule {
  kPerStep,    ///< a fresh random set each step
  kFixed,      ///< one random set for the whole run
  kWorstCase,  ///< placed by an attacker who knows the groups: as many majorities as q workers can
               ///< own
  kAuto,       ///< not decided: whoever plans an attack does
};
constexpr auto words_of(FailSchedule) {
  return std::to_array<std::string_view>({"per-step", "fixed", "worst-case", "auto"});
}

/// One entry a worker: true where it is Byzantine in this step; q of them are.
std::vector<bool> byzantine_workers(FailSchedule schedule, std::size_t q,
                                    const Assignment& assignment, const Key& key,
                                    std::uint64_t step);

/// Slices of which Byzantine workers own strictly more than half of the replicas, ascending.
std::vector<std::uint32_t> owned_slices(const Assignment& assignment,
                                        const std::vector<bool>& byzantine);

/// How many these are.
std::size_t corrupted_slices(const Assignment& assignment, const std::vector<bool>& byzantine);

}  // namespace detox
