#include "base/elementary.hpp"

#include <cmath>
#include <numbers>

namespace detox {
namespace {

/// For |y| <= pi / 4, to y^18.
double cos_series(double y) {
  double sum = 0;
  for (int k = 18; k > 0; k -= 2) sum = -y * y / (k * (k - 1)) * (1 + sum);
  return 1 + sum;
}

/// For |y| <= pi / 4, to y^19.
double sin_series(double y) {
  double sum = 0;
  for (int k = 19; k > 1; k -= 2) sum = -y * y / (k * (k - 1)) * (1 + sum);
  return y + y * sum;
}

}  // namespace

double natural_log(double x) {
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh(s), s = (m - 1) / (m + 1).
  int e = 0;
  double m = std::frexp(x, &e);
  if (m < std::numbers::sqrt2 / 2) {
    m *= 2;
    --e;
  }
  const double s = (m - 1) / (m + 1);
  double sum = 0;
  for (int k = 23; k > 1; k -= 2) sum = s * s * (1.0 / k + sum);  // |s| < 0.172: to s^23
  return e * std::numbers::ln2 + 2 * (s + s * sum);
}

double cos_pi(double x) {
  // The arguments of the series are small and, but for a product, exact.
  if (x <= 0.25) return cos_series(std::numbers::pi * x);
  if (x >= 0.75) return -cos_series(std::numbers::pi * (1 - x));
  return sin_series(std::numbers::pi * (0.5 - x));
}

}  // namespace detox
