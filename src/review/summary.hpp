// The end of a training in numbers, from its metrics.
#pragma once

#include <cstdint>
#include <optional>

#include "review/metrics.hpp"

namespace detox {

/// Means over the last `last` steps that had a loss.
struct Summary {
  std::uint64_t steps = 0;  ///< that were taken
  std::uint64_t steps_counted = 0;
  std::optional<double> loss;      ///< empty where one of them is not finite
  double loss_error = 0;           ///< standard error of that mean, as if steps were independent
  std::optional<double> accuracy;  ///< of 1; empty where no step has one
  double seconds = 0;              ///< of all steps, also of those that were taken again
  /// A loss among them is not finite, or their mean is more than kDiverged times that of the first
  /// step that has one.
  bool diverged = false;

  static constexpr double kDiverged = 2;
};

/// A tenth of them, at least 5: fewer say little, as the loss of a step is that of few samples.
std::uint64_t default_last_steps(std::uint64_t max_steps);

Summary summarise(const RunMetrics& metrics, std::uint64_t last);

}  // namespace detox
