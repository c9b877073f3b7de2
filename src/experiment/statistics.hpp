// What is said of a few replicates.
#pragma once

#include <optional>
#include <vector>

namespace detox {

struct Spread {
  std::size_t n = 0;
  double mean = 0;
  double deviation = 0;  ///< of the sample: n - 1; 0 where n < 2
};

/// Of finite values; in two passes.
Spread spread_of(const std::vector<double>& values);

/// The two-sided p of Welch's t-test, which supposes no equal variances; empty where one of them
/// has fewer than two values. Where neither varies, 1 for equal means and 0 for others.
std::optional<double> welch_p(const Spread& a, const Spread& b);

/// P(|T| >= t) of Student's t with so many degrees of freedom, above 0 and not whole perhaps.
double student_two_sided(double t, double freedom);

}  // namespace detox
