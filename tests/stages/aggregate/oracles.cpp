#include "stages/aggregate/oracles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace detox::oracle {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_finite(const Vector& row) {
  return std::all_of(row.begin(), row.end(), [](double value) { return std::isfinite(value); });
}

double squared_distance(const Vector& a, const Vector& b) {
  if (!is_finite(a) || !is_finite(b)) return kInfinity;
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

/// NaN is the greatest of all.
Vector sorted_column(const Matrix& rows, std::size_t column) {
  Vector values;
  for (const Vector& row : rows) {
    values.push_back(std::isnan(row[column]) ? std::numeric_limits<double>::quiet_NaN()
                                             : row[column]);
  }
  const auto numbers_end = std::stable_partition(values.begin(), values.end(),
                                                 [](double value) { return !std::isnan(value); });
  std::sort(values.begin(), numbers_end);
  return values;
}

double mean(const Vector& values) {
  double sum = 0;
  for (const double value : values) sum += value / static_cast<double>(values.size());
  return sum;
}

double median(const Vector& sorted) {
  const std::size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : sorted[n / 2 - 1] / 2 + sorted[n / 2] / 2;
}

template <class Reduce>
Vector by_column(const Matrix& rows, const Reduce& reduce) {
  Vector out;
  for (std::size_t c = 0; c < rows[0].size(); ++c) out.push_back(reduce(sorted_column(rows, c)));
  return out;
}

Vector trimmed_mean(const Matrix& rows, std::size_t f) {
  return by_column(rows, [f](const Vector& sorted) {
    const auto cut = static_cast<std::ptrdiff_t>(f);
    return mean(Vector(sorted.begin() + cut, sorted.end() - cut));
  });
}

Vector mean_of(const Matrix& rows, const std::vector<std::size_t>& chosen) {
  Vector out(rows[0].size(), 0.0);
  for (const std::size_t row : chosen) {
    for (std::size_t c = 0; c < out.size(); ++c) {
      out[c] += rows[row][c] / static_cast<double>(chosen.size());
    }
  }
  return out;
}

Matrix squared_distances(const Matrix& rows) {
  Matrix all;
  for (const Vector& a : rows) {
    all.emplace_back();
    for (const Vector& b : rows) all.back().push_back(squared_distance(a, b));
  }
  return all;
}

/// Krum's score of a row among the given rows, with so many neighbours.
double score(const Matrix& all, const std::vector<std::size_t>& among, std::size_t row,
             std::size_t neighbours) {
  Vector distances;
  for (const std::size_t other : among) {
    if (other != row) distances.push_back(all[row][other]);
  }
  std::sort(distances.begin(), distances.end());
  distances.resize(std::min(neighbours, distances.size()));
  return std::accumulate(distances.begin(), distances.end(), 0.0);
}

std::vector<std::size_t> all_rows(const Matrix& rows) {
  std::vector<std::size_t> all(rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

/// The mean of the `count` values nearest the median, taken one after another; the lower of two as
/// near.
double mean_nearest_median(const Vector& sorted, std::size_t count) {
  const double centre = median(sorted);
  Vector left = sorted, taken;
  while (taken.size() < count) {
    const auto nearest = std::min_element(left.begin(), left.end(), [centre](double a, double b) {
      return std::abs(a - centre) < std::abs(b - centre);
    });
    taken.push_back(*nearest);
    left.erase(nearest);
  }
  return mean(taken);
}

Vector bulyan(const Matrix& rows, const RuleOptions& options) {
  const std::size_t n = rows.size(), f = options.f;
  const Matrix all = squared_distances(rows);
  std::vector<std::size_t> left = all_rows(rows), chosen;
  if (options.bulyan_variant == BulyanVariant::kDetox) {
    chosen = krum_order(rows, f);
    chosen.resize(n - f - 2);
  } else {
    while (chosen.size() < n - 2 * f) {
      const auto count =
          static_cast<std::ptrdiff_t>(left.size()) - static_cast<std::ptrdiff_t>(f) - 2;
      const auto neighbours = static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, count));
      std::size_t best = left[0];
      for (const std::size_t row : left) {
        if (score(all, left, row, neighbours) < score(all, left, best, neighbours)) best = row;
      }
      chosen.push_back(best);
      left.erase(std::find(left.begin(), left.end(), best));
    }
  }
  Matrix selected;
  for (const std::size_t row : chosen) selected.push_back(rows[row]);
  if (options.bulyan_variant == BulyanVariant::kDetox) return trimmed_mean(selected, f);
  return by_column(selected, [&](const Vector& sorted) {
    return mean_nearest_median(sorted, chosen.size() - 2 * f);
  });
}

/// Weiszfeld on whole vectors, from the coordinate-wise median; the best row if that is better.
Vector geometric_median(const Matrix& all) {
  Matrix rows;
  std::copy_if(all.begin(), all.end(), std::back_inserter(rows), is_finite);
  Vector point = by_column(rows, median);
  for (int round = 0; round < 1000; ++round) {
    Vector next(point.size(), 0.0);
    double total = 0;
    for (const Vector& row : rows) {
      const double weight = 1 / std::max(1e-12, std::sqrt(squared_distance(row, point)));
      total += weight;
      for (std::size_t c = 0; c < next.size(); ++c) next[c] += weight * row[c];
    }
    for (double& value : next) value /= total;
    const double moved = std::sqrt(squared_distance(next, point));
    point = next;
    if (moved < 1e-8) break;
  }
  for (const Vector& row : rows) {
    if (sum_of_distances(rows, row) < sum_of_distances(rows, point)) point = row;
  }
  return point;
}

Vector sign_vote(const Matrix& rows, const RuleOptions& options, std::uint64_t step) {
  Vector out;
  for (std::size_t c = 0; c < rows[0].size(); ++c) {
    double sum = 0;
    for (const Vector& row : rows) {
      const bool none = row[c] == 0 || std::isnan(row[c]);
      if (options.rows_are_signs) {
        sum += row[c];
      } else if (none) {
        sum += (c + step) % 2 == 0 ? 1 : -1;
      } else {
        sum += row[c] > 0 ? 1 : -1;
      }
    }
    out.push_back(sum > 0 ? 1 : sum < 0 ? -1 : 0);
  }
  return out;
}

}  // namespace

std::vector<std::size_t> krum_order(const Matrix& rows, std::size_t f) {
  std::vector<std::size_t> order = all_rows(rows);
  const Matrix all = squared_distances(rows);
  Vector scores;
  for (const std::size_t row : order) {
    scores.push_back(score(all, order, row, rows.size() - f - 2));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  return order;
}

double sum_of_distances(const Matrix& rows, const Vector& point) {
  double sum = 0;
  for (const Vector& row : rows) {
    if (is_finite(row)) sum += std::sqrt(squared_distance(row, point));
  }
  return sum;
}

Vector aggregate(std::string_view rule, const Matrix& rows, const RuleOptions& options,
                 std::uint64_t step) {
  const std::size_t n = rows.size(), f = options.f;
  if (rule == "normal") return mean_of(rows, all_rows(rows));
  if (rule == "coord-median") return by_column(rows, median);
  if (rule == "trimmed-mean") return trimmed_mean(rows, f);
  if (rule == "geometric-median") return geometric_median(rows);
  if (rule == "bulyan") return bulyan(rows, options);
  if (rule == "signSGD") return sign_vote(rows, options, step);
  std::vector<std::size_t> order = krum_order(rows, f);
  const std::size_t m = options.krum_select > 0 ? options.krum_select : n - f - 2;
  order.resize(rule == "krum" ? 1 : m);
  std::sort(order.begin(), order.end());
  return mean_of(rows, order);
}

}  // namespace detox::oracle
