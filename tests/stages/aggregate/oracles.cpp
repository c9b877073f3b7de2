// Over 400 lines because no oracle is long and they share their distances, means and powers: every
// definition in one place, to be read beside the papers.
#include "stages/aggregate/oracles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

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

/// The mean of the `count` values nearest the centre, taken one after another; the lower of two as
/// near.
double mean_nearest(const Vector& sorted, double centre, std::size_t count) {
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
    return mean_nearest(sorted, median(sorted), chosen.size() - 2 * f);
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

/// Per coordinate the mean of the n - f values nearest the median, or the trimmed mean.
Vector mean_around(const Matrix& rows, std::size_t f, bool around_median) {
  return by_column(rows, [&](const Vector& sorted) {
    const auto cut = static_cast<std::ptrdiff_t>(f);
    const double centre =
        around_median ? median(sorted) : mean(Vector(sorted.begin() + cut, sorted.end() - cut));
    return mean_nearest(sorted, centre, sorted.size() - f);
  });
}

/// The `count` rows of least score, in ascending order of their numbers.
std::vector<std::size_t> least(const Vector& scores, std::size_t count) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

Vector distances_to(const Matrix& rows, const Vector& point) {
  Vector distances;
  for (const Vector& row : rows) distances.push_back(squared_distance(row, point));
  return distances;
}

Vector faba(const Matrix& rows, std::size_t f) {
  std::vector<std::size_t> left = all_rows(rows);
  for (std::size_t round = 0; round < f; ++round) {
    std::size_t farthest = 0;
    const auto infinite = std::find_if(left.begin(), left.end(),
                                       [&](std::size_t row) { return !is_finite(rows[row]); });
    if (infinite != left.end()) {
      farthest = static_cast<std::size_t>(infinite - left.begin());
    } else {
      const Vector centre = mean_of(rows, left);
      for (std::size_t i = 1; i < left.size(); ++i) {
        if (squared_distance(rows[left[i]], centre) >=
            squared_distance(rows[left[farthest]], centre))
          farthest = i;
      }
    }
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(farthest));
  }
  return mean_of(rows, left);
}

/// Tries every set of n - f rows, in lexicographic order; too many of them are left out.
Vector least_diameter_mean(const Matrix& rows, std::size_t f) {
  const Matrix all = squared_distances(rows);
  std::vector<bool> chosen(rows.size(), true);
  std::fill(chosen.end() - static_cast<std::ptrdiff_t>(f), chosen.end(), false);
  std::vector<std::size_t> best;
  double best_diameter = kInfinity;
  do {
    std::vector<std::size_t> set;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (chosen[i]) set.push_back(i);
    }
    double diameter = 0;
    for (const std::size_t a : set) {
      for (const std::size_t b : set) diameter = std::max(diameter, a == b ? 0 : all[a][b]);
    }
    if (best.empty() || diameter < best_diameter) {
      best = set;
      best_diameter = diameter;
    }
  } while (std::prev_permutation(chosen.begin(), chosen.end()));
  return mean_of(rows, best);
}

double along(const Vector& row, const Vector& centre, const Vector& direction) {
  double product = 0;
  for (std::size_t c = 0; c < row.size(); ++c) product += (row[c] - centre[c]) * direction[c];
  return product;
}

struct Spread {
  Vector direction;
  double variance = 0;
};

/// The covariance's greatest eigenvector, on whole vectors, by many rounds of the power method.
Spread top_spread(const Matrix& rows, const Vector& weights, const Vector& centre) {
  const std::size_t n = rows.size(), d = rows[0].size();
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  Spread found{Vector(d, 0.0), 0};
  Vector& direction = found.direction;
  for (std::size_t i = 0; i < n; ++i) {  // some direction that lies among the rows
    for (std::size_t c = 0; c < d && weights[i] > 0; ++c)
      direction[c] +=
          std::sqrt(weights[i]) * (rows[i][c] - centre[c]) / (1.0 + static_cast<double>(i));
  }
  for (int round = 0; round < 20000; ++round) {
    double length = 0;
    for (const double value : direction) length += value * value;
    length = std::sqrt(length);
    if (length == 0) break;
    for (double& value : direction) value /= length;
    Vector next(d, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      if (weights[i] == 0) continue;
      const double product = weights[i] / total * along(rows[i], centre, direction);
      for (std::size_t c = 0; c < d; ++c) next[c] += product * (rows[i][c] - centre[c]);
    }
    double quotient = 0, moved = 0;
    for (std::size_t c = 0; c < d; ++c) quotient += next[c] * direction[c];
    for (std::size_t c = 0; c < d; ++c)
      moved += std::pow(next[c] / std::max(quotient, 1e-300) - direction[c], 2);
    found.variance = quotient;
    direction = next;
    if (moved < 1e-26) break;
  }
  return found;
}

Vector centre_of(const Matrix& rows, const Vector& weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  Vector centre(rows[0].size(), 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t c = 0; c < centre.size() && weights[i] > 0; ++c)
      centre[c] += weights[i] / total * rows[i][c];
  }
  return centre;
}

Vector squared_deviations(const Matrix& rows, const Vector& weights, const Vector& centre,
                          const Vector& direction) {
  Vector deviations(rows.size(), 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (weights[i] > 0) deviations[i] = std::pow(along(rows[i], centre, direction), 2);
  }
  return deviations;
}

Vector filtered_mean(const Matrix& rows, std::size_t f) {
  const std::size_t n = rows.size();
  Vector weights;
  for (const Vector& row : rows) weights.push_back(is_finite(row) ? 1 : 0);
  Vector best;
  double least_variance = kInfinity;
  while (true) {
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const Vector centre = centre_of(rows, weights);
    if (best.empty()) best = centre;
    if (total <= static_cast<double>(n - 2 * f)) return best;
    const Spread spread = top_spread(rows, weights, centre);
    if (spread.variance < least_variance) {
      least_variance = spread.variance;
      best = centre;
    }
    const Vector deviations = squared_deviations(rows, weights, centre, spread.direction);
    const double most = *std::max_element(deviations.begin(), deviations.end());
    if (most == 0) return best;
    for (std::size_t i = 0; i < n; ++i) weights[i] *= 1 - deviations[i] / most;
  }
}

/// dnc where every coordinate is drawn: all rounds drop the same rows.
Vector without_extremes(const Matrix& rows, std::size_t f) {
  Vector weights;
  for (const Vector& row : rows) weights.push_back(is_finite(row) ? 1 : 0);
  const Vector centre = centre_of(rows, weights);
  Vector deviations =
      squared_deviations(rows, weights, centre, top_spread(rows, weights, centre).direction);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (weights[i] == 0) deviations[i] = kInfinity;
  }
  return mean_of(rows, least(deviations, rows.size() - f));
}

/// Tries every set of n - f rows: the power method on the products of the centred rows.
Vector least_variance_mean(const Matrix& rows, std::size_t f) {
  std::vector<bool> chosen(rows.size(), true);
  std::fill(chosen.end() - static_cast<std::ptrdiff_t>(f), chosen.end(), false);
  std::vector<std::size_t> best;
  double least_variance = kInfinity;
  do {
    std::vector<std::size_t> set;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (chosen[i]) set.push_back(i);
    }
    if (!std::all_of(set.begin(), set.end(), [&](std::size_t i) { return is_finite(rows[i]); }))
      continue;
    const Vector centre = mean_of(rows, set);
    Matrix products;
    for (const std::size_t a : set) {
      products.emplace_back();
      for (const std::size_t b : set) {
        double product = 0;
        for (std::size_t c = 0; c < centre.size(); ++c)
          product += (rows[a][c] - centre[c]) * (rows[b][c] - centre[c]);
        products.back().push_back(product);
      }
    }
    // A^(2^10) by squaring: its trace is the greatest eigenvalue to that power, and a little more.
    double exponent = 1, logarithm = 0;
    for (int round = 0; round < 30; ++round) {
      double trace = 0;
      for (std::size_t i = 0; i < products.size(); ++i) trace += products[i][i];
      if (trace == 0) break;
      logarithm += std::log(trace) / exponent;
      Matrix square(products.size(), Vector(products.size(), 0.0));
      for (std::size_t i = 0; i < products.size(); ++i) {
        for (std::size_t k = 0; k < products.size(); ++k) {
          for (std::size_t j = 0; j < products.size(); ++j)
            square[i][j] += products[i][k] / trace * (products[k][j] / trace);
        }
      }
      products = square;
      exponent *= 2;
    }
    const double variance = products[0][0] == 0 && logarithm == 0 ? 0 : std::exp(logarithm);
    if (best.empty() || variance < least_variance) {
      best = set;
      least_variance = variance;
    }
  } while (std::prev_permutation(chosen.begin(), chosen.end()));
  return mean_of(rows, best);
}

Vector centered_clipping(const Matrix& rows, const RuleOptions& options) {
  Vector centre(rows[0].size(), 0.0);
  for (std::size_t round = 0; round < std::max(options.clip_rounds, std::size_t{1}); ++round) {
    const Vector from = centre;
    for (const Vector& row : rows) {
      if (!is_finite(row)) continue;
      const double distance = std::sqrt(squared_distance(row, from));
      const double factor = std::min(1.0, options.clip_radius / distance);
      for (std::size_t c = 0; c < centre.size(); ++c)
        centre[c] += factor * (row[c] - from[c]) / static_cast<double>(rows.size());
    }
  }
  return centre;
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
  if (rule == "meamed") return mean_around(rows, f, true);
  if (rule == "phocas") return mean_around(rows, f, false);
  if (rule == "cge")
    return mean_of(rows, least(distances_to(rows, Vector(rows[0].size(), 0.0)), n - f));
  if (rule == "monna")
    return mean_of(rows, least(distances_to(rows, rows[options.reference_row]), n - f));
  if (rule == "aksel")
    return mean_of(rows, least(distances_to(rows, by_column(rows, median)), (n + 1) / 2));
  if (rule == "faba") return faba(rows, f);
  if (rule == "dnc") return without_extremes(rows, f);
  if (rule == "mda") return least_diameter_mean(rows, f);
  if (rule == "caf") return filtered_mean(rows, f);
  if (rule == "smea") return least_variance_mean(rows, f);
  if (rule == "centered-clipping") return centered_clipping(rows, options);
  if (rule != "krum" && rule != "multi-krum")
    throw std::invalid_argument("oracles.cpp has no oracle of " + std::string(rule));
  std::vector<std::size_t> order = krum_order(rows, f);
  const std::size_t m = options.krum_select > 0 ? options.krum_select : n - f - 2;
  order.resize(rule == "krum" ? 1 : m);
  std::sort(order.begin(), order.end());
  return mean_of(rows, order);
}

}  // namespace detox::oracle
