// Which time a step is taken: a run that goes back takes steps again.
#pragma once

#include <cstdint>

namespace detox {

inline constexpr int kAttemptShift = 48;
inline constexpr std::uint64_t kMostAttempts = (std::uint64_t{1} << (64 - kAttemptShift)) - 1;

/// In a run that never went back the step's own number. Every round of a later attempt has a
/// greater one than all before: what belongs to an earlier attempt is told by it.
constexpr std::uint64_t round_number(std::uint64_t attempt, std::uint64_t step) {
  return attempt << kAttemptShift | step;
}

constexpr std::uint64_t attempt_of_round(std::uint64_t round) { return round >> kAttemptShift; }

constexpr std::uint64_t step_of_round(std::uint64_t round) {
  return round & ((std::uint64_t{1} << kAttemptShift) - 1);
}

}  // namespace detox
