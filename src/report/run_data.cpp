#include "report/run_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "base/json_number.hpp"
#include "base/names.hpp"
#include "base/shell_line.hpp"
#include "config/options.hpp"
#include "detox/errors.hpp"
#include "record/run_files.hpp"
#include "review/evaluations.hpp"
#include "review/metrics.hpp"
#include "review/run_summary.hpp"
#include "review/standing.hpp"
#include "review/worker_history.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// As many digits as a picture shows: a page is smaller for it.
Json shortened(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.5g}", value));
}

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

/// Seconds of the steps that stand, up to each of them.
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

constexpr std::array<std::pair<const char*, double PhaseSeconds::*>, 7> kPhases = {{
    {"broadcast", &PhaseSeconds::broadcast},
    {"compute", &PhaseSeconds::compute},
    {"receive", &PhaseSeconds::receive},
    {"vote", &PhaseSeconds::vote},
    {"aggregate", &PhaseSeconds::aggregate},
    {"update", &PhaseSeconds::update},
    {"commit", &PhaseSeconds::commit},
}};

/// Each phase's, and what is left of the total.
std::array<double, kPhases.size() + 1> phases_of(const PhaseSeconds& seconds) {
  std::array<double, kPhases.size() + 1> each = {};
  double sum = 0;
  for (std::size_t phase = 0; phase < kPhases.size(); ++phase)
    sum += each[phase] = seconds.*kPhases[phase].second;
  each.back() = std::max(0.0, seconds.total - sum);
  return each;
}

Json phases_json(const RunMetrics& metrics, std::size_t most) {
  const StepColumns columns = columns_of(metrics, most);
  std::vector<ColumnMeans> means(kPhases.size() + 1, ColumnMeans(columns.count()));
  for (const StepMetrics& step : metrics.steps) {
    const auto each = phases_of(step.seconds);
    for (std::size_t phase = 0; phase < each.size(); ++phase)
      means[phase].add(columns.of(step.step), each[phase]);
  }
  Json names = Json::array(), totals = Json::array(), all = Json::array();
  const auto costs = phases_of(metrics.costs.seconds);
  for (std::size_t phase = 0; phase < means.size(); ++phase) {
    names.push_back(phase < kPhases.size() ? kPhases[phase].first : "other");
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

constexpr std::array<const char*, kSeenKinds> kSeenNames = {"accused", "missing", "away",
                                                            "convicted", "lied"};

/// Workers, whom there is most to say about first.
std::vector<std::uint32_t> worst_first(const WorkerHistory& history,
                                       const std::set<std::uint32_t>& suspects) {
  std::vector<std::uint32_t> order(history.workers.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto weight = [&](std::uint32_t worker) {
    const WorkerTotals& totals = history.workers[worker];
    return std::tuple(totals.convicted_in > 0, suspects.contains(worker), totals.of(Seen::kAccused),
                      totals.of(Seen::kMissing), totals.other);
  };
  std::ranges::stable_sort(order, std::greater<>(), weight);
  return order;
}

Json map_json(const WorkerHistory& history, const std::vector<std::uint32_t>& order,
              const ReportDetail& detail) {
  const std::size_t columns = history.columns.count();
  const std::size_t most =
      std::max<std::size_t>(1, detail.map_cells / std::max<std::size_t>(1, columns));
  Json rows = Json::array();
  for (const std::uint32_t worker : order) {
    if (rows.size() == most) break;
    Json row = {{"worker", worker + 1}};
    for (std::size_t kind = 0; kind < kSeenKinds; ++kind) {
      std::size_t end = columns;
      while (end > 0 && history.count(static_cast<Seen>(kind), worker, end - 1) == 0) --end;
      if (end == 0) continue;
      Json counts = Json::array();
      for (std::size_t column = 0; column < end; ++column)
        counts.push_back(history.count(static_cast<Seen>(kind), worker, column));
      row[kSeenNames[kind]] = std::move(counts);
    }
    rows.push_back(std::move(row));
  }
  return {{"first", history.columns.first()},
          {"step", history.columns.ends()},
          {"width", history.columns.width()},
          {"left_out", order.size() - rows.size()},
          {"rows", std::move(rows)}};
}

Json workers_json(const WorkerHistory& history, const std::vector<std::uint32_t>& order,
                  const std::set<std::uint32_t>& suspects) {
  Json workers = Json::array();
  for (const std::uint32_t worker : order) {
    const WorkerTotals& totals = history.workers[worker];
    Json json = {{"worker", worker + 1},
                 {"accused", totals.of(Seen::kAccused)},
                 {"missing", totals.missing},
                 {"late", totals.late},
                 {"other", totals.other}};
    if (suspects.contains(worker)) json["suspect"] = true;
    if (totals.convicted_in > 0) json["convicted"] = totals.convicted_in;
    if (history.has_rounds) {
      json["given"] = totals.given;
      json["answers"] = totals.answers;
      json["last_seen"] = totals.last_seen > 0 ? Json(totals.last_seen) : Json();
    }
    if (history.has_truth) json["lied"] = totals.of(Seen::kLied);
    workers.push_back(std::move(json));
  }
  return workers;
}

Json config_json(const RunConfig& config) {
  Json options = Json::array();
  for (const Option& option : train_options())
    options.push_back({std::string(option.name), option_text(option, config)});
  return options;
}

/// What the first line of config.toml says: the program's version, and the numerical profile.
std::string made_by(const fs::path& folder) {
  const std::vector<std::byte> bytes = read_file(folder / kConfigFile);
  std::string_view line = text_of(bytes);
  line = line.substr(0, line.find('\n'));
  if (!line.starts_with("# ")) return "not said";
  constexpr std::size_t kLongest = 400;
  return printable(line.substr(2), kLongest);
}

std::string attack_text(const RunConfig& config, const Plan& plan) {
  if (plan.attack.byzantine == 0) return "none is simulated";
  std::string text =
      fmt::format("{} by {} of {} workers", config.err_mode, plan.attack.byzantine, plan.workers);
  for (const char* name : {"adversarial", "fail-schedule", "lie-rate", "lie-when", "silent-rate"})
    text += fmt::format(", {} {}", name, option_text(find_option(name), config));
  return text;
}

Json what_json(const fs::path& folder, const RunConfig& config, const Plan& plan) {
  const auto text = [&](const char* name) { return option_text(find_option(name), config); };
  std::string rule = fmt::format("{}: {}", text("approach"), text("mode"));
  if (text("pre") != "none") rule += fmt::format(" behind {}", text("pre"));
  if (plan.b > 0) rule += fmt::format(" over {} buckets of {}", plan.b, text("inner-mode"));
  Json rows = Json::array();
  rows.push_back({"defence", plan.notices.empty() ? rule : plan.notices.front()});
  rows.push_back({"approach and rule", rule});
  rows.push_back({"attack", attack_text(config, plan)});
  rows.push_back({"P, q, r, slices",
                  fmt::format("P {}, q {}, r {}, k {}", plan.workers, plan.q, plan.r, plan.k)});
  rows.push_back({"network", text("network")});
  rows.push_back({"data", text("dataset")});
  rows.push_back({"optimizer", fmt::format("lr {} ({}), momentum {}, {} samples a step", text("lr"),
                                           text("lr-schedule"), text("momentum"),
                                           samples_per_step(config, plan))});
  rows.push_back({"seed", text("seed")});
  rows.push_back({"program and numerics", made_by(folder)});
  return rows;
}

/// Where attacks were simulated.
Json truth_json(const RunSummary& summary, const WorkerHistory& history) {
  if (!summary.detection) return nullptr;
  const Detection& found = *summary.detection;
  Json liars = Json::array();
  for (std::size_t worker = 0; worker < history.workers.size(); ++worker) {
    if (history.workers[worker].ever_lied) liars.push_back(worker + 1);
  }
  const bool only_late = found.lies == 0 && !liars.empty();
  Json json = {{"lies", found.lies}, {"rightly", found.rightly}, {"wrongly", found.wrongly},
               {"liars", liars},     {"only_late", only_late},   {"changes", !found.liars_stay}};
  json["named"] = nullptr;
  if (found.liars_stay && !only_late) {
    json["named"] = {{"liars", found.liars},
                     {"rightly", found.named_rightly},
                     {"wrongly", found.named - found.named_rightly}};
  }
  return json;
}

Json commands_json(const std::string& name, const fs::path& folder, RunCondition condition) {
  Json commands = Json::array();
  const auto add = [&](const char* why, const std::vector<std::string>& words) {
    commands.push_back({why, shell_line(words)});
  };
  fs::path plain = fs::path(name).lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  if (condition == RunCondition::kKilled || condition == RunCondition::kInterrupted)
    add("Go on with it:", {"detoxml", "train", "--resume", "auto", "--train-dir", name});
  add("The same run anew:",
      {"detoxml", "train", "--config", (fs::path(name) / kConfigFile).string(), "--train-dir",
       plain.string() + ".again"});
  add("Its steps once more, from its record of who counted:",
      {"detoxml", "train", "--replay", name, "--train-dir", plain.string() + ".replay"});
  if (fs::exists(folder / kCommitmentsFile))
    add("Compare steps, computed again, with what it has committed itself to:",
        {"detoxml", "verify", name});
  add("Score its checkpoints on the test set:", {"detoxml", "evaluate", "--model-dir", name});
  return commands;
}

Json notes_json(const Plan& plan, const RunMetrics& metrics, RunCondition condition) {
  Json notes = Json::array();
  for (const std::string& notice : plan.notices) {
    if (notice.starts_with("warning: ")) notes.push_back(notice);
  }
  if (condition == RunCondition::kRunning) notes.push_back("It goes on: this is how far it was.");
  if (!metrics.steps.empty()) {
    const std::uint64_t all = metrics.steps.back().step - metrics.steps.front().step + 1;
    if (all > metrics.steps.size())
      notes.push_back(
          fmt::format("{} steps have no line in {}.", all - metrics.steps.size(), kMetricsFile));
    if (metrics.steps.front().step > 1)
      notes.push_back(fmt::format("Its files begin at step {}.", metrics.steps.front().step));
  }
  return notes;
}

Json convictions_json(const RunSummary& summary) {
  Json convicted = Json::array();
  for (const Conviction& one : summary.convictions) convicted.push_back(one.worker + 1);
  return convicted;
}

}  // namespace

ReportDetail ReportDetail::for_runs(std::size_t runs) {
  const std::size_t of = std::max<std::size_t>(1, runs);
  ReportDetail detail;
  detail.curve_points = std::clamp<std::size_t>(12000 / of, 60, detail.curve_points);
  detail.phase_points = std::clamp<std::size_t>(2000 / of, 30, detail.phase_points);
  detail.map_columns = std::clamp<std::size_t>(2400 / of, 50, detail.map_columns);
  detail.map_cells = std::max<std::size_t>(detail.map_cells / of, 2000);
  return detail;
}

Json run_data(const fs::path& folder, const std::string& name, const ReportDetail& detail) {
  const std::optional<RunConfig> config = config_of_run(folder);
  if (!config)
    throw InputError(fmt::format("{}: there is no run: it has no {}", name, kConfigFile));
  const Plan plan = plan_of_run(*config);
  const RunSummary summary = summarise_run(folder);
  const RunMetrics metrics = read_metrics(folder / kMetricsFile);
  const std::vector<Evaluation> evaluations =
      read_evaluations(folder / kEvaluationsFile, metrics.backs);
  const std::vector<double> seconds = seconds_up_to(metrics);
  const std::size_t columns =
      std::clamp<std::size_t>(detail.map_cells / plan.workers,
                              std::min<std::size_t>(100, detail.map_columns), detail.map_columns);
  const WorkerHistory history = read_worker_history(folder, plan.workers, metrics, columns);
  const std::set<std::uint32_t> suspects(summary.suspects.begin(), summary.suspects.end());
  const std::vector<std::uint32_t> order = worst_first(history, suspects);

  Json run = {{"name", name},
              {"status", std::string(to_string(summary.condition))},
              {"message", summary.message},
              {"step", metrics.steps.empty() ? 0 : metrics.steps.back().step},
              {"steps", config->epochs == 0 ? config->max_steps : 0},
              {"verdict", summary.verdict},
              {"convicted", convictions_json(summary)},
              {"what", what_json(folder, *config, plan)},
              {"config", config_json(*config)},
              {"loss", json_number(summary.training.loss)},
              {"accuracy", json_number(summary.training.accuracy)},
              {"seconds", shortened(metrics.costs.seconds.total)},
              {"skipped", summary.skipped},
              {"taken_back", metrics.costs.steps - metrics.steps.size()},
              {"computed", summary.costs.computed},
              {"bytes_in", summary.costs.bytes_in},
              {"bytes_out", summary.costs.bytes_out}};
  run["suspects"] = Json::array();
  for (const std::uint32_t worker : summary.suspects) run["suspects"].push_back(worker + 1);
  run["test_accuracy"] = summary.final_test ? shortened(summary.final_test->prec1 / 100) : Json();
  run["test_step"] = summary.final_test ? Json(summary.final_test->step) : Json();
  run["curves"] = curves_json(metrics, seconds, detail.curve_points);
  run["tests"] = tests_json(evaluations, metrics, seconds);
  run["phases"] = phases_json(metrics, detail.phase_points);
  run["slices"] = slices_json(metrics, summary, detail.phase_points);
  run["map"] = map_json(history, order, detail);
  run["map"]["steps"] = metrics.steps.size();
  run["rounds_stride"] = history.rounds_stride;
  run["workers"] = workers_json(history, order, suspects);
  run["truth"] = truth_json(summary, history);
  run["commands"] = commands_json(name, folder, summary.condition);
  run["notes"] = notes_json(plan, metrics, summary.condition);
  return run;
}

Json report_data(const std::vector<std::string>& folders) {
  Json runs = Json::array();
  std::set<std::string> names;
  const ReportDetail detail = ReportDetail::for_runs(folders.size());
  for (const std::string& folder : folders) {
    if (!names.insert(folder).second)
      throw UsageError(fmt::format("{}: it is named twice", folder));
    runs.push_back(run_data(folder, folder, detail));
  }
  return {{"title", folders.size() == 1 ? folders.front() : fmt::format("{} runs", folders.size())},
          {"runs", std::move(runs)}};
}

}  // namespace detox
