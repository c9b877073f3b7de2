#include "experiment/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace detox {
namespace {

/// The continued fraction of the incomplete beta function, by Lentz's method (Numerical Recipes,
/// 6.4): converges in a few dozen terms for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr int kMostTerms = 10000;
  constexpr double kTiny = 1e-300, kClose = 1e-15;
  const auto not_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / not_zero(1 - (a + b) * x / (a + 1)), result = d;
  for (int m = 1; m <= kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / not_zero(1 + even * d);
    c = not_zero(1 + even / c);
    result *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / not_zero(1 + odd * d);
    c = not_zero(1 + odd / c);
    result *= d * c;
    if (std::abs(d * c - 1) < kClose) break;
  }
  return result;
}

/// The regularised incomplete beta function I_x(a, b).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  spread.n = values.size();
  if (values.empty()) return spread;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) spread.mean += value / n;
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (n - 1));
  return spread;
}

double student_two_sided(double t, double freedom) {
  if (!std::isfinite(t)) return 0;
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

std::optional<double> welch_p(const Spread& a, const Spread& b) {
  if (a.n < 2 || b.n < 2) return std::nullopt;
  const auto n_a = static_cast<double>(a.n), n_b = static_cast<double>(b.n);
  const double v_a = a.deviation * a.deviation / n_a, v_b = b.deviation * b.deviation / n_b;
  if (v_a + v_b == 0) return a.mean == b.mean ? 1 : 0;
  // Of shares of the whole, whose squares cannot underflow.
  const double share = v_a / (v_a + v_b);
  const double freedom = 1 / (share * share / (n_a - 1) + (1 - share) * (1 - share) / (n_b - 1));
  return student_two_sided((a.mean - b.mean) / std::sqrt(v_a + v_b), freedom);
}

}  // namespace detox
