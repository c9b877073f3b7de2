// A logarithm and a cosine that have the same bits on every machine: multiplications, additions and
// divisions alone. The C library's choose a variant by processor (with or without fused
// multiply-add), and these differ in the last bit.
#pragma once

namespace detox {

/// The natural logarithm of a finite x > 0, with an error of a few units in the last place,
/// relative to 1 where |x - 1| < 1/4.
double natural_log(double x);

/// cos(pi x) for x in [0, 1], with an error of a few 1e-16.
double cos_pi(double x);

}  // namespace detox
