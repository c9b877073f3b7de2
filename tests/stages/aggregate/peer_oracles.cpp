#include "stages/aggregate/peer_oracles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace detox::oracle {
namespace {

double length(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return std::isfinite(sum) ? std::sqrt(sum) : std::numeric_limits<double>::infinity();
}

Matrix finite_rows(const Matrix& rows) {
  Matrix kept;
  for (const Vector& row : rows) {
    if (std::isfinite(length(row, Vector(row.size(), 0.0)))) kept.push_back(row);
  }
  return kept;
}

Vector weighted_mean(const Matrix& rows, const Vector& weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  Vector mean(rows[0].size(), 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t c = 0; c < mean.size(); ++c) {
      if (weights[i] != 0) mean[c] += weights[i] / total * rows[i][c];
    }
  }
  return mean;
}

/// NaN is above all numbers.
Vector ascending(const Matrix& rows, std::size_t column) {
  Vector values;
  for (const Vector& row : rows) values.push_back(row[column]);
  std::sort(values.begin(), values.end(),
            [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; });
  return values;
}

Vector lower_median(const Matrix& rows) {
  Vector median;
  for (std::size_t c = 0; c < rows[0].size(); ++c)
    median.push_back(ascending(rows, c)[(rows.size() - 1) / 2]);
  return median;
}

Vector mean_around_lower_median(const Matrix& rows, std::size_t f) {
  Vector out;
  for (std::size_t c = 0; c < rows[0].size(); ++c) {
    Vector values = ascending(rows, c);
    const double centre = values[(rows.size() - 1) / 2];
    const auto off = [centre](double value) {
      const double distance = std::abs(value - centre);
      return std::isnan(distance) ? std::numeric_limits<double>::infinity() : distance;
    };
    std::stable_sort(values.begin(), values.end(),
                     [&](double a, double b) { return off(a) < off(b); });
    values.resize(rows.size() - f);
    double mean = 0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    out.push_back(mean);
  }
  return out;
}

/// The mean of the `count` rows with the least sums of squared distances to n - f - 1 others.
Vector best_rows(const Matrix& rows, std::size_t f, std::size_t count) {
  const std::size_t n = rows.size();
  std::vector<std::pair<double, std::size_t>> scores;
  for (std::size_t i = 0; i < n; ++i) {
    Vector squared;
    for (std::size_t j = 0; j < n; ++j) {
      if (j != i) squared.push_back(std::pow(length(rows[i], rows[j]), 2));
    }
    std::sort(squared.begin(), squared.end());
    squared.resize(n - f - 1);
    scores.emplace_back(std::accumulate(squared.begin(), squared.end(), 0.0), i);
  }
  std::sort(scores.begin(), scores.end());
  Vector weights(n, 0.0);
  for (std::size_t k = 0; k < count; ++k) weights[scores[k].second] = 1;
  return weighted_mean(rows, weights);
}

struct Weiszfeld {
  int rounds;
  double floor, tolerance;
};

Vector weiszfeld(const Matrix& rows, Vector point, const Weiszfeld& how) {
  for (int round = 0; round < how.rounds; ++round) {
    Vector weights;
    for (const Vector& row : rows) weights.push_back(1 / std::max(length(row, point), how.floor));
    const Vector before = point;
    point = weighted_mean(rows, weights);
    if (length(before, point) <= how.tolerance) break;
  }
  return point;
}

/// From the mean of the finite rows; rows that are not finite count in n.
Vector clipped_from_the_mean(const Matrix& rows, double radius, std::size_t rounds) {
  const Matrix finite = finite_rows(rows);
  Vector centre = weighted_mean(finite, Vector(finite.size(), 1.0));
  for (std::size_t round = 0; round < rounds; ++round) {
    const Vector from = centre;
    for (const Vector& row : finite) {
      const double factor = std::min(1.0, radius / length(row, from));
      for (std::size_t c = 0; c < from.size(); ++c)
        centre[c] += factor * (row[c] - from[c]) / static_cast<double>(rows.size());
    }
  }
  return centre;
}

}  // namespace

Vector as_peers(std::string_view rule, const Matrix& rows, const RuleOptions& options) {
  const std::size_t n = rows.size(), f = options.f;
  const bool is_byzpy = options.semantics == Semantics::kByzpy;
  if (rule == "krum") return best_rows(rows, f, 1);
  if (rule == "multi-krum")
    return best_rows(rows, f, options.krum_select > 0 ? options.krum_select : n - f);
  if (rule == "geometric-median" && !is_byzpy)
    return weiszfeld(finite_rows(rows), Vector(rows[0].size(), 0.0), {3, 0.1, -1});
  if (rule == "geometric-median")
    return weiszfeld(finite_rows(rows), lower_median(finite_rows(rows)), {256, 1e-12, 1e-6});
  if (rule == "coord-median" && is_byzpy) return lower_median(rows);
  if (rule == "meamed" && is_byzpy) return mean_around_lower_median(rows, f);
  if (rule == "centered-clipping" && is_byzpy) {
    return clipped_from_the_mean(rows, options.clip_radius,
                                 options.clip_rounds > 0 ? options.clip_rounds : 10);
  }
  RuleOptions paper = options;
  paper.semantics = Semantics::kPaper;
  return aggregate(rule, rows, paper, 0);
}

}  // namespace detox::oracle
