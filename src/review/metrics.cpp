#include "review/metrics.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/round_number.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBackFrom = "\"back_from\"";

/// A count; 0 where it is not there, as in files of earlier versions.
std::uint64_t count_in(const Json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool flag_in(const Json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_boolean() && found->get<bool>();
}

PhaseSeconds seconds_in(const Json& line) {
  PhaseSeconds seconds;
  const auto found = line.find("seconds");
  if (found == line.end() || !found->is_object()) return seconds;
  for (const auto& [name, phase] : kPhases)
    seconds.*phase = number_in_line(*found, name).value_or(0);
  return seconds;
}

std::optional<TakenBack> taken_back(std::string_view text) {
  if (text.find(kBackFrom) == std::string_view::npos) return std::nullopt;
  const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const std::optional<std::uint64_t> round = round_of_line(line);
  if (!round || !line.contains("back_from") || !line["back_from"].is_number_unsigned())
    return std::nullopt;
  const TakenBack back{attempt_of_round(*round), line["back_from"].get<std::uint64_t>(),
                       step_of_round(*round)};
  return back.attempt > 0 && back.from > back.to ? std::optional(back) : std::nullopt;
}

}  // namespace

std::optional<double> number_in_line(const Json& line, const char* name) {
  const auto found = line.find(name);
  if (found == line.end()) return std::nullopt;
  if (found->is_number()) return found->get<double>();
  if (!found->is_string()) return std::nullopt;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto& word = found->get_ref<const std::string&>();
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf") return kInfinity;
  if (word == "-inf") return -kInfinity;
  return std::nullopt;
}

std::optional<StepMetrics> step_metrics(std::string_view text) {
  const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const std::optional<std::uint64_t> round = round_of_line(line);
  if (!round || *round == 0 || !line.contains("resolved") ||
      !line["resolved"].is_number_unsigned()) {
    return std::nullopt;
  }
  StepMetrics step;
  step.step = step_of_round(*round);
  step.attempt = attempt_of_round(*round);
  step.lr = number_in_line(line, "lr").value_or(0);
  step.resolved = count_in(line, "resolved");
  step.unresolved = count_in(line, "unresolved");
  step.loss = number_in_line(line, "loss");
  // Earlier versions wrote null for what is not finite, too.
  if (!step.loss && step.resolved > 0) step.loss = std::numeric_limits<double>::quiet_NaN();
  step.accuracy = number_in_line(line, "accuracy");
  step.seconds = seconds_in(line);
  step.bytes_in = count_in(line, "bytes_in");
  step.bytes_out = count_in(line, "bytes_out");
  step.computed = count_in(line, "computed");
  if (line.contains("corrupted")) step.corrupted = count_in(line, "corrupted");
  step.skipped = flag_in(line, "skipped");
  step.diverged = flag_in(line, "diverged");
  const auto why = line.find("skipped_because");
  if (why != line.end() && why->is_string()) step.skipped_because = why->get<std::string>();
  return step;
}

void RunMetrics::add(StepMetrics step) {
  ++costs.steps;
  for (const auto& [name, phase] : kPhases) costs.seconds.*phase += step.seconds.*phase;
  costs.computed += step.computed;
  costs.bytes_in += step.bytes_in;
  costs.bytes_out += step.bytes_out;
  steps.push_back(std::move(step));
}

void RunMetrics::go_back(const TakenBack& back) {
  while (!steps.empty() && steps.back().step > back.to) steps.pop_back();
  backs.push_back(back);
}

bool MetricsReader::read_on(RunMetrics& metrics) {
  bool has_news = false;
  const auto take = [&](std::string_view line) {
    has_news = true;
    if (const auto back = taken_back(line)) return metrics.go_back(*back);
    std::optional<StepMetrics> step = step_metrics(line);
    if (!step) journal_.refuse("a run's metrics");
    if (!metrics.steps.empty() && step->step <= metrics.steps.back().step)
      journal_.refuse("a run's metrics: its step is not behind the one before");
    metrics.add(std::move(*step));
  };
  if (journal_.read_on(take)) return has_news;
  metrics = {};
  journal_.read_on(take);
  return true;
}

RunMetrics read_metrics(const std::filesystem::path& file) {
  RunMetrics metrics;
  MetricsReader(file).read_on(metrics);
  return metrics;
}

}  // namespace detox
