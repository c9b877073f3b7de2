// The deviation that "a little is enough" can afford.
#pragma once

#include <cstddef>

namespace detox {

/// z = Phi^-1((n - m - s) / (n - m)) with s = floor(n / 2) + 1 - m supporters needed among the
/// honest rows (Baruch et al. 2019, section 3.2), for n rows of which m are corrupt. The
/// probability is kept 1 / (2 (n - m)) away from 0 and 1, where the formula has no finite value:
/// the attackers own a majority, or need every honest row. Zero where no honest row is left. May be
/// negative: then the attackers are too few to hide beyond the mean.
double alie_auto_z(std::size_t n, std::size_t m);

}  // namespace detox
