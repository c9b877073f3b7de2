#include "report/run_data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "base/file.hpp"
#include "base/json_number.hpp"
#include "base/names.hpp"
#include "base/shell_line.hpp"
#include "config/options.hpp"
#include "detox/errors.hpp"
#include "record/run_files.hpp"
#include "report/experiment_data.hpp"
#include "report/step_series.hpp"
#include "report/worker_data.hpp"
#include "review/evaluations.hpp"
#include "review/metrics.hpp"
#include "review/run_summary.hpp"
#include "review/simulated_truth.hpp"
#include "review/standing.hpp"
#include "round/verdict.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

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

Json what_json(const fs::path& folder, const std::string& place, const RunConfig& config,
               const Plan& plan) {
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
  rows.push_back({"directory", place});
  return rows;
}

/// Without redundancy nobody is outvoted, but a rule has an opinion.
std::string rejections_text(const Plan& plan, const WorkerHistory& history) {
  if (plan.r > 1 || !history.has_rounds) return {};
  Rejections rejections(history.workers.size());
  for (std::size_t worker = 0; worker < history.workers.size(); ++worker) {
    rejections.used[worker] = history.workers[worker].used;
    rejections.rejected[worker] = history.workers[worker].left_out;
  }
  return rejections_line(rejections, plan.hierarchy.outer_rule->name);
}

Json commands_json(const std::string& place, const fs::path& folder, RunCondition condition) {
  Json commands = Json::array();
  const auto add = [&](const char* why, const std::vector<std::string>& words) {
    commands.push_back({why, shell_line(words)});
  };
  fs::path plain = fs::path(place).lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  if (condition == RunCondition::kKilled || condition == RunCondition::kInterrupted)
    add("Go on with it:", {"detoxml", "train", "--resume", "auto", "--train-dir", place});
  add("The same run anew:",
      {"detoxml", "train", "--config", (fs::path(place) / kConfigFile).string(), "--train-dir",
       plain.string() + ".again"});
  add("Its steps once more, from its record of who counted:",
      {"detoxml", "train", "--replay", place, "--train-dir", plain.string() + ".replay"});
  if (fs::exists(folder / kCommitmentsFile))
    add("Compare steps, computed again, with what it has committed itself to:",
        {"detoxml", "verify", place});
  add("Score its checkpoints on the test set:", {"detoxml", "evaluate", "--model-dir", place});
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

/// The folders' names, with as much of their paths as tells them apart. UsageError where one is
/// named twice.
std::vector<std::string> short_names(const std::vector<std::string>& folders) {
  std::vector<std::vector<std::string>> paths;
  std::set<std::vector<std::string>> known;
  for (const std::string& folder : folders) {
    const fs::path whole = (fs::absolute(folder) / "").lexically_normal().parent_path();
    paths.emplace_back();
    for (const fs::path& part : whole) paths.back().push_back(part.string());
    if (!known.insert(paths.back()).second)
      throw UsageError(fmt::format("{}: it is named twice", folder));
  }
  std::size_t common = paths.empty() ? 0 : paths.front().size() - 1;
  for (const std::vector<std::string>& path : paths) {
    const auto differs = std::ranges::mismatch(path, paths.front()).in1;
    common = std::min({common, path.size() - 1, static_cast<std::size_t>(differs - path.begin())});
  }
  if (paths.size() == 1) common = paths.front().size() - 1;
  std::vector<std::string> names;
  names.reserve(paths.size());
  for (const std::vector<std::string>& path : paths)
    names.push_back(fmt::format(
        "{}", fmt::join(path.begin() + static_cast<std::ptrdiff_t>(common), path.end(), "/")));
  return names;
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
    throw InputError(
        fmt::format("{}: there is no run: it has no {}", folder.string(), kConfigFile));
  const Plan plan = plan_of_run(*config);
  const RunSummary summary = summarise_run(folder);
  const RunMetrics metrics = read_metrics(folder / kMetricsFile);
  const std::vector<Evaluation> evaluations =
      read_evaluations(folder / kEvaluationsFile, metrics.backs);
  const std::vector<double> seconds = seconds_up_to(metrics);
  const std::size_t columns =
      std::clamp<std::size_t>(detail.map_cells / plan.workers,
                              std::min<std::size_t>(100, detail.map_columns), detail.map_columns);
  std::optional<std::vector<RecordedLies>> truth;
  if (!fs::exists(folder / kAttackersFile)) truth = simulated_truth(folder, *config, plan);
  WorkerFindings found{
      .history = read_worker_history(folder, plan.workers, metrics, columns, truth),
      .latency = {},
      .suspects = {summary.suspects.begin(), summary.suspects.end()}};
  found.latency = read_latency_history(folder, plan.workers, found.history.columns);
  const std::vector<std::uint32_t> order = worst_first(found);

  const std::string place = folder.string();
  Json run = {
      {"name", name},
      {"place", place},
      {"status", std::string(to_string(summary.condition))},
      {"message", summary.message},
      {"step", metrics.steps.empty() ? 0 : metrics.steps.back().step},
      {"steps", config->epochs == 0 ? config->max_steps : 0},
      {"verdict", summary.verdict},
      {"convicted", convictions_json(summary)},
      {"what", what_json(folder, place, *config, plan)},
      {"config", config_json(*config)},
      {"loss", summary.training.diverged ? Json("nan") : json_number(summary.training.loss)},
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
  run["rejections"] = rejections_text(plan, found.history);
  run["map"] = map_json(found, order, detail.map_cells);
  run["map"]["steps"] = metrics.steps.size();
  run["rounds_stride"] = found.history.rounds_stride;
  run["workers"] = workers_json(found, order);
  run["truth"] = truth_json(summary, found.history);
  run["commands"] = commands_json(place, folder, summary.condition);
  run["notes"] = notes_json(plan, metrics, summary.condition);
  return run;
}

void leave_curves_alone(Json& run) {
  for (const char* name : {"map", "workers", "phases", "config", "truth"}) run.erase(name);
  run["is_short"] = true;
}

Json report_data(const std::vector<std::string>& folders, std::size_t most_bytes) {
  for (const std::string& folder : folders) {
    if (!holds_experiment(folder)) continue;
    if (folders.size() > 1)
      throw UsageError(
          fmt::format("{} is an experiment: a page is about one, or about runs", folder));
    Json data = experiment_data(folder, folder);
    data["title"] = data["experiment"]["title"];
    return data;
  }
  const std::vector<std::string> names = short_names(folders);
  const ReportDetail detail = ReportDetail::for_runs(folders.size());
  Json runs = Json::array();
  std::size_t bytes = 0;
  for (std::size_t at = 0; at < folders.size(); ++at) {
    Json run = run_data(folders[at], names[at], detail);
    if (folders.size() > 1) bytes += run.dump().size();
    if (bytes > most_bytes) leave_curves_alone(run);
    runs.push_back(std::move(run));
  }
  return {{"title", names.size() == 1 ? names.front() : fmt::format("{} runs", names.size())},
          {"runs", std::move(runs)}};
}

}  // namespace detox
