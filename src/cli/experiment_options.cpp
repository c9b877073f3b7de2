#include "cli/experiment_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/cores.hpp"
#include "base/log.hpp"
#include "base/own_program.hpp"
#include "base/signals.hpp"
#include "cli/program_environment.hpp"
#include "cli/version.hpp"
#include "detox/errors.hpp"
#include "experiment/experiment_directory.hpp"
#include "experiment/experiment_runner.hpp"
#include "launch/foreign_job.hpp"
#include "learn/learner_file.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr int kSomeFailed = 1;

/// The lines of each run's own log, as often as the watch can use them.
constexpr std::uint64_t kLogLines = 100;

void restrict_to(const std::vector<std::string>& only, Experiment& experiment) {
  if (only.empty()) return;
  // All of them at once hold, besides what the file says.
  CellRule all;
  for (const std::string& text : only) {
    const CellRule rule = parse_cell_rule(text, experiment.axes);
    for (const auto& [axis, values] : rule.values) {
      if (!all.values.emplace(axis, values).second)
        throw UsageError(
            fmt::format("--only {}: the axis is there twice; valid: all its values in one",
                        experiment.axes[axis].name));
    }
  }
  for (std::size_t axis = 0; axis < experiment.axes.size(); ++axis) {
    const auto found = all.values.find(axis);
    if (found == all.values.end()) continue;
    CellRule others;
    for (std::size_t value = 0; value < experiment.axes[axis].values.size(); ++value) {
      if (!found->second.contains(value)) others.values[axis].insert(value);
    }
    if (!others.values.empty()) experiment.excluded.push_back(std::move(others));
  }
}

/// What was given for all runs; the number of threads is not the runs'.
std::size_t apply_given(const GivenOptions& given, Experiment& experiment) {
  const RunConfig checked = given_config(given);
  for (const std::string& file : given.config_files) {
    // As [train] has them: axes win, and an invocation's own options are not for the runs.
    for (Setting& setting : settings_of_file(file)) {
      if (why_not_in_experiments(setting.name).empty())
        experiment.train.push_back(std::move(setting));
    }
  }
  std::vector<Setting> settings = given.settings;
  std::erase_if(settings, [](const Setting& setting) { return setting.name == "threads"; });
  set_for_all(settings, experiment);
  return checked.threads;
}

struct Count {
  std::size_t waiting = 0, failed = 0;
};

Count count(const Results& results) {
  Count count;
  for (const ResultRow& row : results.rows) {
    count.waiting += row.state == ResultState::kWaiting || row.state == ResultState::kInterrupted;
    count.failed += row.state == ResultState::kFailed;
  }
  return count;
}

void tell_stale(const ExperimentPlan& plan) {
  if (plan.stale.empty()) return;
  log_info("{} folder{} of no run that was asked for, left alone: {}{}", plan.stale.size(),
           plan.stale.size() == 1 ? "" : "s", plan.stale.front().string(),
           plan.stale.size() == 1 ? "" : ", … (--plan names them)");
}

void log_failures(const Results& results) {
  for (const ResultRow& row : results.rows) {
    if (row.state == ResultState::kFailed)
      log_line(fmt::format("failed: {}: {}", row.folder.string(), row.message));
  }
}

}  // namespace

void add_place_options(CLI::App& command, PlaceOptions& options) {
  command
      .add_option("--jobs", options.jobs,
                  "runs at a time; results do not depend on it [one a core]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024).description(""));
  command
      .add_option("--hostfile", options.hostfile,
                  "machines for the runs, which share a file system: a host a line, slots=N for N "
                  "runs at a time there; without it this one alone")
      ->type_name("FILE");
  command
      .add_option("--agent", options.agent,
                  "how other machines are reached: ssh, srun (in a job of Slurm's), or auto: srun "
                  "where SLURM_JOB_ID is set")
      ->type_name("auto|ssh|srun")
      ->check(CLI::IsMember({"auto", "ssh", "srun"}).description(""))
      ->capture_default_str();
}

void add_experiment_options(CLI::App& command, ExperimentOptions& options) {
  command.add_flag("--plan", options.plan,
                   "say what would be done, why, and about how long it takes; start nothing");
  command.add_option("--seeds", options.seeds, "runs a cell, with the seeds 428, 1, 2, …")
      ->type_name("N")
      ->check(CLI::Range(1, 1000).description(""));
  add_place_options(command, options.places);
}

void adapt_train_help(CLI::App& command) {
  for (const Option& option : train_options()) {
    if (option.name == "threads" || why_not_in_experiments(option.name).empty()) continue;
    command.get_option(fmt::format("--{}", option.name))->group("");
  }
  command.get_option("--threads")->description("threads of each run [its share of the cores]");
  command.get_option("--keep-checkpoints")
      ->description("how many of the newest checkpoints of each run stay [1, once all are scored]");
}

std::string experiment_command_line(const ExperimentOptions& options, const GivenOptions& given,
                                    const std::string& begin) {
  std::vector<std::string> words;
  if (!options.dir.empty()) words.insert(words.end(), {"--dir", options.dir});
  for (const std::string& only : options.only) words.insert(words.end(), {"--only", only});
  if (options.seeds > 0) words.insert(words.end(), {"--seeds", std::to_string(options.seeds)});
  for (const std::string& file : given.config_files) words.insert(words.end(), {"--config", file});
  for (const Setting& setting : given.settings) {
    if (setting.name != "threads") words.insert(words.end(), {"--" + setting.name, setting.text});
  }
  return fmt::format("detoxml {}{}{}", begin, words.empty() ? "" : " ", shell_line(words));
}

int conduct(Experiment experiment, const ExperimentOptions& options, const GivenOptions& given,
            const std::string& command) {
  refuse_any_job("experiment");
  check_places(options.places);
  Pool pool;
  pool.threads = apply_given(given, experiment);
  pool.cores = usable_cores();
  if (options.seeds > 0) {
    experiment.seeds = standard_seeds(options.seeds);
    experiment.other_seeds.clear();
  }
  restrict_to(options.only, experiment);
  if (const Setting* learner = last_setting(experiment.train, "learner"))
    use_learner(learner->text);
  // From here on: data may take seconds to load.
  const std::atomic<bool>& stop = options.plan ? stop_flag() : stop_on_signals();
  std::vector<std::string> remarks;
  std::vector<ExperimentRun> runs =
      runs_of(experiment, program_environment(), result_version(), remarks);
  for (ExperimentRun& run : runs)
    run.config.log_interval = std::max<std::uint64_t>(1, run.config.max_steps / kLogLines);
  for (const std::string& remark : remarks) log_line(remark);
  const fs::path dir =
      options.dir.empty() ? fs::path("output") / experiment.name : fs::path(options.dir);
  const std::size_t at_once = runs_at_once(options.places, pool.cores, runs.size());
  if (options.plan) {
    check_experiment_folder(dir);
    fmt::print("{}", plan_text(experiment, runs, plan_of(dir, runs), at_once, dir));
    return 0;
  }
  const ExperimentDirectory directory(dir, experiment.name, command);
  const ExperimentPlan plan = plan_of(dir, runs);
  pool.places = places_for(options.places, pool.cores, plan.planned.size(), dir);
  tell_stale(plan);
  const ExperimentTask task{experiment, runs, dir, own_program(), command};
  Results results;
  {
    Watch watch(plan.planned.size(), runs.front().config.max_steps);
    results = carry_out(task, plan, pool, watch, stop,
                        [&](const Results& so_far) { directory.write(so_far); });
  }
  const Count left = count(results);
  if (left.waiting > 0 || stop) directory.write(results);
  if (left.waiting > 0 || stop) {
    log_info("interrupted; {} of {} runs are left; the same command goes on", left.waiting,
             results.rows.size());
    return kInterruptedExitCode;
  }
  directory.conclude(results);
  log_failures(results);
  return left.failed > 0 ? kSomeFailed : 0;
}

}  // namespace detox
