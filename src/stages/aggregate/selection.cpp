#include "stages/aggregate/selection.hpp"

#include <algorithm>

#include "stages/aggregate/krum_score.hpp"

namespace detox {

double take_least(const Geometry& geometry, std::span<const double> scores, std::size_t count,
                  Workspace& workspace, std::span<double> weights, std::string_view reason,
                  AggregationReport* report) {
  for (const std::size_t row : rows_by_score(geometry, scores, workspace).first(count)) {
    if (!geometry.is_finite(row)) break;
    weights[row] = 1;
  }
  if (report != nullptr) report->scores.assign(scores.begin(), scores.end());
  return mean_of_taken(geometry, weights, reason, report);
}

double mean_of_taken(const Geometry& geometry, std::span<const double> weights,
                     std::string_view reason, AggregationReport* report) {
  const auto taken = std::ranges::count_if(weights, [](double weight) { return weight != 0; });
  const auto divisor = static_cast<double>(std::max<std::ptrdiff_t>(taken, 1));
  if (report != nullptr) report_weights(geometry, weights, divisor, reason, *report);
  return divisor;
}

}  // namespace detox
