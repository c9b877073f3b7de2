// The learning rate of a step, the same bits on every machine. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace detox {

enum class LrShape { kConstant, kStep, kCosine };
constexpr auto words_of(LrShape) {
  return std::to_array<std::string_view>({"constant", "step", "cosine"});
}

struct LrSchedule {
  LrShape shape = LrShape::kConstant;
  double base = 0.01;
  std::uint64_t warmup_steps = 0;  ///< linear from base / warmup_steps up to base
  std::uint64_t step_size =
      100;  ///< kStep: multiply by gamma every so many steps after the warm-up
  double gamma = 0.1;
  std::uint64_t total_steps = 0;  ///< kCosine: zero would be reached one step after this one

  /// Learning rate of step t, from 1.
  double at(std::uint64_t step) const;
};

}  // namespace detox
