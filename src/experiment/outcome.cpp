#include "experiment/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "base/file.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::array<std::string_view, 3> kMetrics = {"loss", "accuracy", "test-accuracy"};
constexpr std::array<std::string_view, 5> kTrialStates = {"waiting", "finished", "diverged",
                                                          "failed", "interrupted"};

std::optional<double> number_in(const nlohmann::json& line, const char* name) {
  const auto found = line.find(name);
  if (found == line.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

/// The step that a run has gone back to; empty where the line is none about that.
std::optional<std::uint64_t> gone_back_to(std::string_view text) {
  if (text.find("\"back_from\"") == std::string_view::npos) return std::nullopt;
  const auto line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object() || !line.contains("step") || !line["step"].is_number_unsigned())
    return std::nullopt;
  return line["step"].get<std::uint64_t>();
}

/// Empty where the line is none of metrics.jsonl.
std::optional<StepMetrics> metrics_of(std::string_view text) {
  const auto line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return std::nullopt;
  const auto step = line.find("step"), resolved = line.find("resolved");
  if (step == line.end() || !step->is_number_unsigned()) return std::nullopt;
  if (resolved == line.end() || !resolved->is_number_unsigned()) return std::nullopt;
  StepMetrics metrics;
  metrics.step = step->get<std::uint64_t>();
  metrics.resolved = resolved->get<std::uint64_t>() > 0;
  metrics.loss = number_in(line, "loss");
  metrics.accuracy = number_in(line, "accuracy");
  const auto seconds = line.find("seconds");
  if (seconds != line.end() && seconds->is_object())
    metrics.seconds = number_in(*seconds, "total").value_or(0);
  return metrics;
}

/// Means over what has a value; the loss is empty where one has none.
void count_last(const std::vector<const StepMetrics*>& counted, Summary& summary) {
  if (counted.empty()) return;
  const auto n = static_cast<double>(counted.size());
  double loss = 0, accuracy = 0;
  for (const StepMetrics* step : counted) {
    summary.diverged = summary.diverged || !step->loss;
    loss += step->loss.value_or(0) / n;
    accuracy += step->accuracy.value_or(0) / n;
  }
  summary.accuracy = accuracy;
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

std::vector<StepMetrics> read_metrics(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  std::string_view text = text_of(bytes);
  std::vector<StepMetrics> all;
  double in_vain_s = 0;  // of steps that are taken again
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (const auto step = gone_back_to(line)) {
      for (; !all.empty() && all.back().step > *step; all.pop_back())
        in_vain_s += all.back().seconds;
      continue;
    }
    std::optional<StepMetrics> metrics = metrics_of(line);
    if (!metrics) {
      throw InputError(fmt::format("{}:{}: is no line of a run's metrics", file.string(), number));
    }
    metrics->seconds += std::exchange(in_vain_s, 0);
    all.push_back(*metrics);
  }
  return all;
}

std::uint64_t default_last_steps(std::uint64_t max_steps) {
  constexpr std::uint64_t kTenth = 10, kLeast = 5;
  return std::max(kLeast, max_steps / kTenth);
}

Summary summarise(const std::vector<StepMetrics>& metrics, std::uint64_t last) {
  Summary summary;
  summary.steps = metrics.empty() ? 0 : metrics.back().step;
  std::vector<const StepMetrics*> with_loss;
  for (const StepMetrics& step : metrics) {
    summary.seconds += step.seconds;
    if (step.resolved) with_loss.push_back(&step);
  }
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const double first = with_loss.empty() ? kNone : with_loss.front()->loss.value_or(kNone);
  if (with_loss.size() > last) {
    with_loss.erase(with_loss.begin(), with_loss.end() - static_cast<std::ptrdiff_t>(last));
  }
  summary.steps_counted = with_loss.size();
  count_last(with_loss, summary);
  if (summary.loss && *summary.loss > Summary::kDiverged * first) summary.diverged = true;
  return summary;
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
