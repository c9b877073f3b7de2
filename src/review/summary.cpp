#include "review/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace detox {
namespace {

bool has_finite_loss(const StepMetrics& step) { return step.loss && std::isfinite(*step.loss); }

/// Means over what has a value; the loss is empty where one has none.
void count_last(const std::vector<const StepMetrics*>& counted, Summary& summary) {
  if (counted.empty()) return;
  const auto n = static_cast<double>(counted.size());
  double loss = 0, accuracy = 0, with_accuracy = 0;
  for (const StepMetrics* step : counted) {
    if (!has_finite_loss(*step)) summary.diverged = true;
    loss += step->loss.value_or(0) / n;
    if (!step->accuracy || !std::isfinite(*step->accuracy)) continue;
    accuracy += *step->accuracy;
    ++with_accuracy;
  }
  if (with_accuracy > 0) summary.accuracy = accuracy / with_accuracy;
  // A mean can overflow, too, where all its terms are finite.
  if (!std::isfinite(loss)) summary.diverged = true;
  if (summary.diverged) return;
  summary.loss = loss;
  if (counted.size() < 2) return;
  double squares = 0;
  for (const StepMetrics* step : counted) squares += (*step->loss - loss) * (*step->loss - loss);
  summary.loss_error = std::sqrt(squares / (n - 1) / n);
}

}  // namespace

std::uint64_t default_last_steps(std::uint64_t max_steps) {
  constexpr std::uint64_t kTenth = 10, kLeast = 5;
  return std::max(kLeast, max_steps / kTenth);
}

Summary summarise(const RunMetrics& metrics, std::uint64_t last) {
  Summary summary;
  summary.steps = metrics.steps.empty() ? 0 : metrics.steps.back().step;
  summary.seconds = metrics.costs.seconds.total;
  std::vector<const StepMetrics*> with_loss;
  for (const StepMetrics& step : metrics.steps) {
    if (step.resolved > 0) with_loss.push_back(&step);
  }
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const double first =
      !with_loss.empty() && has_finite_loss(*with_loss.front()) ? *with_loss.front()->loss : kNone;
  if (with_loss.size() > last) {
    with_loss.erase(with_loss.begin(), with_loss.end() - static_cast<std::ptrdiff_t>(last));
  }
  summary.steps_counted = with_loss.size();
  count_last(with_loss, summary);
  if (summary.loss && *summary.loss > Summary::kDiverged * first) summary.diverged = true;
  return summary;
}

}  // namespace detox
