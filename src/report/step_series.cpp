#include "report/step_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "review/step_columns.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;

/// The mean of what is finite in each column.
class ColumnMeans {
 public:
  explicit ColumnMeans(std::size_t columns) : sums_(columns), counts_(columns) {}
  void add(std::size_t column, double value) {
    if (!std::isfinite(value)) return;
    sums_[column] += value;
    ++counts_[column];
  }
  Json json() const {
    Json means = Json::array();
    for (std::size_t column = 0; column < sums_.size(); ++column) {
      means.push_back(counts_[column] == 0
                          ? Json(nullptr)
                          : shortened(sums_[column] / static_cast<double>(counts_[column])));
    }
    return means;
  }

 private:
  std::vector<double> sums_;
  std::vector<std::uint64_t> counts_;
};

StepColumns columns_of(const RunMetrics& metrics, std::size_t most) {
  if (metrics.steps.empty()) return {};
  return {metrics.steps.front().step, metrics.steps.back().step, most};
}

/// Each phase's, and in the place of the total what is left of it.
std::array<double, kPhases.size()> phases_of(const PhaseSeconds& seconds) {
  std::array<double, kPhases.size()> each = {};
  double sum = 0;
  for (std::size_t phase = 0; phase + 1 < kPhases.size(); ++phase)
    sum += each[phase] = seconds.*kPhases[phase].second;
  each.back() = std::max(0.0, seconds.total - sum);
  return each;
}

}  // namespace

Json shortened(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.5g}", value));
}

std::vector<double> seconds_up_to(const RunMetrics& metrics) {
  std::vector<double> seconds;
  double sum = 0;
  for (const StepMetrics& step : metrics.steps) {
    if (std::isfinite(step.seconds.total)) sum += step.seconds.total;
    seconds.push_back(sum);
  }
  return seconds;
}

Json curves_json(const RunMetrics& metrics, const std::vector<double>& seconds, std::size_t most) {
  const StepColumns columns = columns_of(metrics, most);
  ColumnMeans loss(columns.count()), accuracy(columns.count());
  std::vector<std::optional<double>> at(columns.count());
  std::uint64_t not_finite = 0;
  for (std::size_t i = 0; i < metrics.steps.size(); ++i) {
    const StepMetrics& step = metrics.steps[i];
    const std::size_t column = columns.of(step.step);
    at[column] = seconds[i];
    if (step.loss) loss.add(column, *step.loss);
    if (step.loss && !std::isfinite(*step.loss)) ++not_finite;
    if (step.accuracy) accuracy.add(column, *step.accuracy);
  }
  Json times = Json::array();
  for (const std::optional<double>& time : at) times.push_back(time ? shortened(*time) : Json());
  return {{"step", columns.ends()},   {"at", times},
          {"loss", loss.json()},      {"accuracy", accuracy.json()},
          {"width", columns.width()}, {"not_finite", not_finite}};
}

Json tests_json(const std::vector<Evaluation>& evaluations, const RunMetrics& metrics,
                const std::vector<double>& seconds) {
  Json steps = Json::array(), at = Json::array(), loss = Json::array(), accuracy = Json::array();
  for (const Evaluation& one : evaluations) {
    const auto behind = std::ranges::upper_bound(metrics.steps, one.step, {}, &StepMetrics::step);
    const auto taken = static_cast<std::size_t>(behind - metrics.steps.begin());
    steps.push_back(one.step);
    at.push_back(shortened(taken == 0 ? 0 : seconds[taken - 1]));
    loss.push_back(shortened(one.loss));
    accuracy.push_back(shortened(one.prec1 / 100));
  }
  return {{"step", steps}, {"at", at}, {"loss", loss}, {"accuracy", accuracy}};
}

Json phases_json(const RunMetrics& metrics, std::size_t most) {
  const StepColumns columns = columns_of(metrics, most);
  std::vector<ColumnMeans> means(kPhases.size(), ColumnMeans(columns.count()));
  for (const StepMetrics& step : metrics.steps) {
    const auto each = phases_of(step.seconds);
    for (std::size_t phase = 0; phase < each.size(); ++phase)
      means[phase].add(columns.of(step.step), each[phase]);
  }
  Json names = Json::array(), totals = Json::array(), all = Json::array();
  const auto costs = phases_of(metrics.costs.seconds);
  for (std::size_t phase = 0; phase < means.size(); ++phase) {
    names.push_back(phase + 1 < kPhases.size() ? kPhases[phase].first : "other");
    totals.push_back(shortened(costs[phase]));
    all.push_back(means[phase].json());
  }
  return {{"names", names},
          {"totals", totals},
          {"steps", metrics.costs.steps},
          {"means", all},
          {"step", columns.ends()}};
}

Json slices_json(const RunMetrics& metrics, const RunSummary& summary, std::size_t most) {
  const StepColumns columns = columns_of(metrics, most);
  ColumnMeans lost(columns.count()), corrupted(columns.count());
  for (const StepMetrics& step : metrics.steps) {
    lost.add(columns.of(step.step), static_cast<double>(step.unresolved));
    if (step.corrupted) corrupted.add(columns.of(step.step), static_cast<double>(*step.corrupted));
  }
  Json json = {{"all", summary.slices},
               {"lost", summary.unresolved},
               {"corrupted", summary.corrupted ? Json(*summary.corrupted) : Json()},
               {"step", columns.ends()},
               {"lost_a_step", lost.json()}};
  json["corrupted_a_step"] = summary.corrupted ? corrupted.json() : Json();
  return json;
}

}  // namespace detox
