#include "round/step_deadline.hpp"

#include <algorithm>

namespace detox {

StepDeadline::StepDeadline(double step_timeout_s, double start_timeout_s)
    : least_(step_timeout_s), most_(std::max(step_timeout_s, start_timeout_s)) {}

void StepDeadline::add(double seconds) {
  steps_.push_back(seconds);
  if (steps_.size() > kWindow) steps_.erase(steps_.begin());
}

double StepDeadline::seconds() const {
  if (steps_.empty()) return most_;
  std::vector<double> sorted = steps_;
  // The lower of two in the middle: of two steps the slower one may be an attacker's.
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return std::clamp(kMedianSteps * *middle, least_, most_);
}

}  // namespace detox
