#include "kernels/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace detox::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool comes_before(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  if (a == b) return std::signbit(a) && !std::signbit(b);
  return a < b;
}

/// Mean of some values, rounded once or so: long double has 11 more bits than double and cannot
/// overflow, so no scale is needed. A single value keeps its bits.
double mean(std::span<const double> values) {
  if (values.size() == 1) return values[0];
  long double sum = values[0];
  for (const double value : values.subspan(1)) sum += value;
  return static_cast<double>(sum / static_cast<long double>(values.size()));
}

double squared_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) {
    const double difference = a[c] - b[c];
    sum += difference * difference;
  }
  return std::isfinite(sum) ? sum : kInfinity;
}

}  // namespace

std::vector<double> sorted_column(const Matrix& rows, std::size_t column) {
  std::vector<double> values;
  for (const std::vector<double>& row : rows) values.push_back(row[column]);
  std::sort(values.begin(), values.end(), comes_before);
  return values;
}

std::vector<double> mean_of_sorted(const Matrix& rows, std::size_t lo, std::size_t hi) {
  std::vector<double> out;
  for (std::size_t column = 0; column < rows[0].size(); ++column) {
    const std::vector<double> sorted = sorted_column(rows, column);
    out.push_back(mean(std::span(sorted).subspan(lo, hi - lo)));
  }
  return out;
}

std::vector<double> mean_nearest(const Matrix& rows, std::size_t lo, std::size_t hi,
                                 std::size_t count) {
  std::vector<double> out;
  const std::size_t n = rows.size();
  for (std::size_t column = 0; column < rows[0].size(); ++column) {
    const std::vector<double> sorted = sorted_column(rows, column);
    const double centre = mean(std::span(sorted).subspan(lo, hi - lo));
    // Takes the nearest one at a time, the lower on ties.
    std::size_t first = 0, last = n;
    while (last - first > count) {
      if (sorted[last - 1] - centre < centre - sorted[first]) {
        ++first;
      } else {
        --last;
      }
    }
    out.push_back(mean(std::span(sorted).subspan(first, count)));
  }
  return out;
}

std::vector<double> squared_norms(const Matrix& rows) {
  std::vector<double> out;
  for (const std::vector<double>& row : rows) {
    out.push_back(squared_distance(row, std::vector<double>(row.size())));
  }
  return out;
}

std::vector<double> weighted_mean_of_sorted(const Matrix& rows, std::span<const double> weights,
                                            double lo, double hi) {
  std::vector<double> out;
  for (std::size_t column = 0; column < rows[0].size(); ++column) {
    std::vector<std::pair<double, double>> line;
    for (std::size_t row = 0; row < rows.size(); ++row)
      line.emplace_back(rows[row][column], weights[row]);
    std::stable_sort(line.begin(), line.end(),
                     [](const auto& a, const auto& b) { return comes_before(a.first, b.first); });
    std::vector<double> meeting;
    long double begin = 0, sum = 0, total = 0;
    for (const auto& [value, weight] : line) {
      const long double end = begin + weight;
      if (weight > 0 && begin <= hi + 1e-9L && end >= lo - 1e-9L) meeting.push_back(value);
      const long double inside = std::min<long double>(end, hi) - std::max<long double>(begin, lo);
      if (inside > 1e-9L) {
        sum += inside * value;
        total += inside;
      }
      begin = end;
    }
    out.push_back(lo == hi ? mean(meeting) : static_cast<double>(sum / total));
  }
  return out;
}

Matrix squared_distances(const Matrix& rows) {
  const std::vector<double> norms = squared_norms(rows);
  Matrix out(rows.size(), std::vector<double>(rows.size(), 0.0));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < rows.size(); ++j) {
      if (i == j) continue;
      const bool finite = std::isfinite(norms[i]) && std::isfinite(norms[j]);
      out[i][j] = finite ? squared_distance(rows[i], rows[j]) : kInfinity;
    }
  }
  return out;
}

std::vector<double> combine(const Matrix& rows, std::span<const double> weights, double divisor) {
  std::vector<double> out(rows[0].size(), 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (weights[i] == 0) continue;
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += weights[i] * rows[i][c];
  }
  for (double& value : out) value /= divisor;
  return out;
}

Moments column_moments(const Matrix& rows) {
  const auto n = static_cast<long double>(rows.size());
  Moments moments;
  for (std::size_t column = 0; column < rows[0].size(); ++column) {
    long double sum = 0, squares = 0;
    for (const std::vector<double>& row : rows) sum += row[column];
    for (const std::vector<double>& row : rows)
      squares += (row[column] - sum / n) * (row[column] - sum / n);
    moments.mean.push_back(static_cast<double>(sum / n));
    moments.deviation.push_back(rows.size() > 1 ? static_cast<double>(std::sqrt(squares / (n - 1)))
                                                : 0.0);
  }
  return moments;
}

std::vector<double> sign_majority(const Matrix& rows, std::uint64_t step) {
  std::vector<double> out(rows[0].size());
  for (std::size_t c = 0; c < out.size(); ++c) {
    int sum = 0;
    for (const std::vector<double>& row : rows) {
      if (row[c] > 0) {
        ++sum;
      } else if (row[c] < 0) {
        --sum;
      } else {
        sum += (c + step) % 2 == 0 ? 1 : -1;
      }
    }
    out[c] = sum > 0 ? 1 : sum < 0 ? -1 : 0;
  }
  return out;
}

}  // namespace detox::reference
