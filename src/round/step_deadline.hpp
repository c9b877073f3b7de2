// How long the server waits for the answers of a step.
#pragma once

#include <cstddef>
#include <vector>

namespace detox {

/// The larger of step_timeout and 10 times the median step so far; the first step, which also warms
/// up caches, gets start_timeout. Never more than the larger of the two timeouts: workers decide
/// how long steps take, and must not make the deadline grow without end.
class StepDeadline {
 public:
  StepDeadline(double step_timeout_s, double start_timeout_s);

  /// Adds a step's duration, less the time that was waited in vain (FleetReport::in_vain_s).
  void add(double seconds);

  double seconds() const;

 private:
  static constexpr std::size_t kWindow = 101;
  static constexpr double kMedianSteps = 10;

  double least_, most_;
  std::vector<double> steps_;  ///< the latest kWindow
};

}  // namespace detox
