#include "experiment/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/columns.hpp"
#include "base/csv_field.hpp"
#include "base/duration_text.hpp"

namespace detox {
namespace {

using nlohmann::json;

constexpr int kResultsFormat = 1;

json or_null(const std::optional<double>& value) { return value ? json(*value) : json(nullptr); }

bool has_numbers(const Outcome& outcome) {
  return outcome.state == TrialState::kFinished || outcome.state == TrialState::kDiverged;
}

json json_of(const Trial& trial, const Outcome& outcome, std::optional<std::size_t> rank) {
  json values = json::object();
  for (const Setting& setting : trial.settings) values[setting.name] = setting.text;
  json run = {{"rank", rank ? json(*rank) : json(nullptr)},
              {"values", values},
              {"state", to_string(outcome.state)},
              {"run", outcome.folder.filename().string()}};
  if (has_numbers(outcome)) {
    const Summary& summary = outcome.summary;
    run["steps"] = summary.steps;
    run["loss"] = or_null(summary.loss);
    run["loss_error"] = summary.loss ? json(summary.loss_error) : json(nullptr);
    run["accuracy"] = or_null(summary.accuracy);
    if (outcome.test_loss) run["test_loss"] = *outcome.test_loss;
    if (outcome.test_accuracy) run["test_accuracy"] = *outcome.test_accuracy;
  }
  if (!outcome.message.empty()) run["message"] = outcome.message;
  return run;
}

/// Counted from 1, by place in the ranking; empty where the run must not be chosen.
std::optional<std::size_t> rank_at(std::size_t place, const Outcome& outcome, Metric metric) {
  return score_of(outcome, metric) ? std::optional(place + 1) : std::nullopt;
}

std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.2f}%", 100 * *share) : "-";
}

std::string loss_text(const Summary& summary) {
  if (!summary.loss) return "-";
  if (summary.steps_counted < 2) return fmt::format("{:.4f}", *summary.loss);
  return fmt::format("{:.4f} ±{:.4f}", *summary.loss, summary.loss_error);
}

std::vector<std::string> table_row(const Trial& trial, const Outcome& outcome, std::string mark,
                                   bool with_test) {
  std::vector<std::string> row = {std::move(mark)};
  for (const Setting& setting : trial.settings) row.push_back(setting.text);
  const Summary& summary = outcome.summary;
  if (!has_numbers(outcome)) {
    row.emplace_back(to_string(outcome.state));
    return row;
  }
  row.push_back(outcome.state == TrialState::kDiverged ? "diverged" : loss_text(summary));
  row.push_back(percent(summary.accuracy));
  if (with_test) row.push_back(percent(outcome.test_accuracy));
  row.push_back(std::to_string(summary.steps));
  row.push_back(duration_text(summary.seconds));
  return row;
}

std::optional<double> as_number(const std::string& text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string results_json(const Search& search, const std::vector<Outcome>& outcomes) {
  json swept = json::array();
  for (const Sweep& sweep : search.sweeps)
    swept.push_back({{"option", sweep.option}, {"values", sweep.values}});
  json runs = json::array();
  const std::vector<std::size_t> order = ranked(outcomes, search.metric);
  for (std::size_t place = 0; place < order.size(); ++place) {
    const Outcome& outcome = outcomes[order[place]];
    runs.push_back(
        json_of(search.trials[order[place]], outcome, rank_at(place, outcome, search.metric)));
  }
  const json whole = {{"format", kResultsFormat},
                      {"metric", to_string(search.metric)},
                      {"last_steps", search.last_steps},
                      {"swept", swept},
                      {"runs", runs}};
  return whole.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string results_csv(const Search& search, const std::vector<Outcome>& outcomes) {
  std::string text = "rank";
  for (const Sweep& sweep : search.sweeps) text += fmt::format(",{}", sweep.option);
  text += ",state,steps,loss,loss_error,accuracy,test_loss,test_accuracy,run,message\n";
  const std::vector<std::size_t> order = ranked(outcomes, search.metric);
  for (std::size_t place = 0; place < order.size(); ++place) {
    const Outcome& outcome = outcomes[order[place]];
    const auto rank = rank_at(place, outcome, search.metric);
    text += rank ? std::to_string(*rank) : "";
    for (const Setting& setting : search.trials[order[place]].settings)
      text += fmt::format(",{}", csv_field(setting.text));
    const bool numbers = has_numbers(outcome);
    const Summary& summary = outcome.summary;
    text += fmt::format(",{},{},{},{},{},{},{},{},{}\n", to_string(outcome.state),
                        numbers ? std::to_string(summary.steps) : "", csv_number(summary.loss),
                        summary.loss ? fmt::format("{}", summary.loss_error) : "",
                        csv_number(summary.accuracy), csv_number(outcome.test_loss),
                        csv_number(outcome.test_accuracy),
                        csv_field(outcome.folder.filename().string()), csv_field(outcome.message));
  }
  return text;
}

std::string results_table(const Search& search, const std::vector<Outcome>& outcomes) {
  const bool with_test = search.metric == Metric::kTestAccuracy;
  std::vector<std::string> head = {""};
  for (const Sweep& sweep : search.sweeps) head.push_back(sweep.option);
  head.insert(head.end(), {"loss", "accuracy"});
  if (with_test) head.emplace_back("test accuracy");
  head.insert(head.end(), {"steps", "time"});
  std::vector<std::vector<std::string>> rows = {head};
  std::string failures;
  const std::vector<std::size_t> order = ranked(outcomes, search.metric);
  for (std::size_t place = 0; place < order.size(); ++place) {
    const Outcome& outcome = outcomes[order[place]];
    const Trial& trial = search.trials[order[place]];
    const bool is_best = place == 0 && score_of(outcome, search.metric);
    rows.push_back(table_row(trial, outcome, is_best ? "*" : "", with_test));
    if (!outcome.message.empty())
      failures +=
          fmt::format("{} {}: {}\n", trial.label, to_string(outcome.state), outcome.message);
  }
  return in_columns(rows) + failures;
}

std::string advice(const Search& search, const Trial& best) {
  constexpr std::size_t kLeastValues = 3;
  for (std::size_t i = 0; i < search.sweeps.size(); ++i) {
    const Sweep& sweep = search.sweeps[i];
    const std::optional<double> chosen = as_number(best.settings[i].text);
    if (!chosen || sweep.values.size() < kLeastValues) continue;
    bool is_least = true, is_largest = true;
    for (const std::string& text : sweep.values) {
      const std::optional<double> value = as_number(text);
      if (!value) is_least = is_largest = false;
      if (value && *value < *chosen) is_least = false;
      if (value && *value > *chosen) is_largest = false;
    }
    if (!is_least && !is_largest) continue;
    return fmt::format(
        "the best {} is the {} that was tried: give {} ones, too; runs that are there are kept",
        sweep.option, is_least ? "least" : "largest", is_least ? "lower" : "higher");
  }
  return {};
}

}  // namespace detox
