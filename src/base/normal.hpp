// The standard normal distribution's quantile function.
#pragma once

namespace detox {

/// Phi^-1(p) for p in (0, 1), by Wichura's algorithm AS 241 (PPND16, Applied Statistics 37, 1988):
/// relative error about 1e-16. Minus and plus infinity at 0 and 1. The same bits on every machine.
double inverse_normal_cdf(double p);

}  // namespace detox
