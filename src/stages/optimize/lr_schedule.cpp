// Cosine annealing: Loshchilov and Hutter, SGDR (arXiv 1608.03983), without restarts. Linear
// warm-up: Goyal et al. (arXiv 1706.02677).
#include "stages/optimize/lr_schedule.hpp"

#include <algorithm>

#include "base/elementary.hpp"

namespace detox {
namespace {

/// By squaring: the same bits on every machine, which std::pow does not promise.
double power(double base, std::uint64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) result *= base;
  }
  return result;
}

}  // namespace

double LrSchedule::at(std::uint64_t step) const {
  if (step <= warmup_steps)
    return base * static_cast<double>(step) / static_cast<double>(warmup_steps);
  const std::uint64_t done = step - warmup_steps - 1;
  switch (shape) {
    case LrShape::kConstant:
      return base;
    case LrShape::kStep:
      return base * power(gamma, done / std::max<std::uint64_t>(step_size, 1));
    case LrShape::kCosine: {
      const std::uint64_t length =
          std::max<std::uint64_t>(total_steps, warmup_steps + 1) - warmup_steps;
      const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(length));
      return base * 0.5 * (1.0 + cos_pi(share));
    }
  }
  return base;
}

}  // namespace detox
