// What a page shows over steps, in columns of them.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "review/evaluations.hpp"
#include "review/metrics.hpp"
#include "review/run_summary.hpp"

namespace detox {

/// As many digits as a picture shows: a page is smaller for it. Null for what is not finite.
nlohmann::json shortened(double value);

/// Seconds of the steps that stand, up to each of them.
std::vector<double> seconds_up_to(const RunMetrics& metrics);

/// Loss and accuracy; `seconds`: seconds_up_to().
nlohmann::json curves_json(const RunMetrics& metrics, const std::vector<double>& seconds,
                           std::size_t most_points);
nlohmann::json tests_json(const std::vector<Evaluation>& evaluations, const RunMetrics& metrics,
                          const std::vector<double>& seconds);
nlohmann::json phases_json(const RunMetrics& metrics, std::size_t most_points);
nlohmann::json slices_json(const RunMetrics& metrics, const RunSummary& summary,
                           std::size_t most_points);

}  // namespace detox
