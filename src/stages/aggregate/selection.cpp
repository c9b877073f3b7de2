#include "stages/aggregate/selection.hpp"

#include <algorithm>
#include <limits>

#include "stages/aggregate/krum_score.hpp"

namespace detox {

double take_least(const Geometry& geometry, const Least& least, Workspace::Scope& scratch,
                  std::span<double> weights, AggregationReport* report) {
  for (const std::size_t row : rows_by_score(geometry, least.scores, scratch).first(least.count)) {
    if (!geometry.is_finite(row)) break;
    weights[row] = 1;
  }
  if (report != nullptr) report->scores.assign(least.scores.begin(), least.scores.end());
  return mean_of_taken(geometry, weights, least.reason, report);
}

std::size_t keep_finite(const Geometry& geometry, std::span<double> weights,
                        std::span<double> scores) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < geometry.n; ++i) {
    const bool finite = geometry.is_finite(i);
    weights[i] = finite ? 1 : 0;
    scores[i] = finite ? 0 : std::numeric_limits<double>::infinity();
    count += finite ? 1 : 0;
  }
  return count;
}

void drop_farthest(const Geometry& geometry, std::span<double> weights, std::span<double> scores) {
  std::size_t farthest = geometry.n;
  for (std::size_t i = 0; i < geometry.n; ++i) {
    if (weights[i] == 0) continue;
    scores[i] = 0;
    for (std::size_t j = 0; j < geometry.n; ++j) {
      if (weights[j] != 0) scores[i] += geometry.squared_distance(i, j);
    }
    if (farthest == geometry.n || scores[i] >= scores[farthest]) farthest = i;
  }
  weights[farthest] = 0;
}

double mean_of_taken(const Geometry& geometry, std::span<const double> weights,
                     std::string_view reason, AggregationReport* report) {
  const auto taken = std::ranges::count_if(weights, [](double weight) { return weight != 0; });
  const auto divisor = static_cast<double>(std::max<std::ptrdiff_t>(taken, 1));
  if (report != nullptr) report_weights(geometry, weights, divisor, reason, *report);
  return divisor;
}

}  // namespace detox
