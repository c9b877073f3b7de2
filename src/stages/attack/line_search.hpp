// The search for the factor that does most harm, as in ByzFL.
#pragma once

#include <cstddef>
#include <limits>

namespace detox {

/// Looks for the x >= 0 at which harm(x) is greatest, from 0 with a step of 10: as long as it
/// grows, x moves and the step doubles; once it does not, x steps back and forth about the best one
/// with steps that shrink by 0.8. Calls harm 20 times and returns the best x among these, the first
/// where several are. Nothing is above -infinity: what must not win says that.
template <class Harm>
double line_maximum(const Harm& harm) {
  constexpr std::size_t kEvaluations = 20;
  constexpr double kFirstStep = 10, kGrowth = 2, kShrinkage = 0.8;
  double best = 0, most = harm(best), x = 0, step = kFirstStep;
  bool grows = true;
  for (std::size_t evaluation = 1; evaluation < kEvaluations; ++evaluation) {
    if (grows || x < best) {
      x += step;
    } else {
      double back = x - step;
      while (back < 0) back = (back + x) / 2;
      x = back;
    }
    const double found = harm(x);
    if (found > most) {
      most = found;
      best = x;
    } else {
      grows = false;
    }
    step *= grows ? kGrowth : kShrinkage;
  }
  return best;
}

}  // namespace detox
