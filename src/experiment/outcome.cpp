#include "experiment/outcome.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::array<std::string_view, 3> kMetrics = {"loss", "accuracy", "test-accuracy"};
constexpr std::array<std::string_view, 5> kTrialStates = {"waiting", "finished", "diverged",
                                                          "failed", "interrupted"};

}  // namespace

std::string_view to_string(Metric metric) { return kMetrics[static_cast<std::size_t>(metric)]; }

Metric metric_named(std::string_view name) {
  for (std::size_t i = 0; i < kMetrics.size(); ++i) {
    if (canonical_name(kMetrics[i]) == canonical_name(name)) return static_cast<Metric>(i);
  }
  throw UsageError(
      unknown_name("value of --metric", printable(name), {kMetrics.begin(), kMetrics.end()}));
}

std::string_view to_string(TrialState state) {
  return kTrialStates[static_cast<std::size_t>(state)];
}

std::optional<double> score_of(const Outcome& outcome, Metric metric) {
  if (outcome.state != TrialState::kFinished) return std::nullopt;
  switch (metric) {
    case Metric::kLoss:
      return outcome.summary.loss;
    case Metric::kAccuracy:
      return outcome.summary.accuracy;
    case Metric::kTestAccuracy:
      return outcome.test_accuracy;
  }
  return std::nullopt;
}

std::vector<std::size_t> ranked(const std::vector<Outcome>& outcomes, Metric metric) {
  std::vector<std::size_t> order(outcomes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const std::optional<double> left = score_of(outcomes[a], metric);
    const std::optional<double> right = score_of(outcomes[b], metric);
    if (left && right) return metric == Metric::kLoss ? *left < *right : *left > *right;
    return left.has_value() && !right.has_value();
  });
  return order;
}

}  // namespace detox
