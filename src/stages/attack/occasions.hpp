// When Byzantine workers lie, and when they say nothing: the same for every attack. Pure; colluders
// in one slice agree, because what they decide depends on step and slice alone.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "detox/random.hpp"

namespace detox {

enum class LieWhen {
  kAlways,
  kSafe,    ///< only where all copies that the slice gets are those of Byzantine workers
  kFirst,   ///< only about the first copy of a slice, in the order of its workers
  kSecond,  ///< only about the second one
};
constexpr auto words_of(LieWhen) {
  return std::to_array<std::string_view>({"always", "safe", "first", "second"});
}

struct Occasions {
  double lie_rate = 1;  ///< share of (step, slice) in which they lie, 0 to 1
  LieWhen lie_when = LieWhen::kAlways;
  double silent_rate = 0;  ///< share of (step, worker) in which a Byzantine one says nothing
  bool is_lazy = false;    ///< a slice gets the copies of more than half of its workers
  /// What differs is computed by others: all copies that a slice gets at once have to be the same.
  bool has_arbiter = false;
};

/// Who is Byzantine in a step and who of them says nothing in it, by worker.
struct StepPeople {
  std::uint64_t step;
  const Key& key;
  const std::vector<bool>& byzantine;
  const std::vector<bool>& silent;
};

/// One entry a worker. Only Byzantine workers are silent.
std::vector<bool> silent_workers(const Occasions& occasions, const std::vector<bool>& byzantine,
                                 const Key& key, std::uint64_t step);

/// Who lies about a slice, of its workers in the order in which they are asked; in that order. None
/// of them is silent.
std::vector<std::uint32_t> liars_about(const Occasions& occasions, const StepPeople& people,
                                       std::uint32_t slice,
                                       const std::vector<std::uint32_t>& workers);

/// Whether those who are asked for a slice besides, after its workers, lie about it. It is not safe
/// then.
bool lies_later(const Occasions& occasions, const StepPeople& people, std::uint32_t slice);

}  // namespace detox
