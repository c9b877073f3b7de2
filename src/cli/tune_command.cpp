// `detoxml tune`: trains with each of some values of options, and tells which is the best.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/atomic_file.hpp"
#include "base/cores.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
#include "base/signals.hpp"
#include "cli/command.hpp"
#include "cli/experiment_options.hpp"
#include "cli/run_places.hpp"
#include "cli/train_options.hpp"
#include "config/plan.hpp"
#include "config/rule_file.hpp"
#include "detox/errors.hpp"
#include "experiment/plot.hpp"
#include "experiment/results.hpp"
#include "experiment/runner.hpp"
#include "experiment/tune_directory.hpp"
#include "launch/foreign_job.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTuneFooter =
    R"(Every run is a detoxml train of its own, in a folder below --tune-dir. Options of train that are not swept are the same
for all runs; --max-steps and --epochs of a --config file are not taken over. The best run is the one of the least mean
loss over its last steps; a run that diverged or failed is never chosen. The same command again goes on where it was
interrupted, and with more values or options swept it keeps the runs that are there.

VALUES: 0.1,0.01   2^-10..2^-3   1..5   0..0.9+0.3 (a step)   0.001..1x10 (a factor)   none,[nnm,arc] (a value with a comma)

--tune-dir holds results.json, results.csv, plot.svg, plot.png and, once all runs have ended, best.toml. Exit code: 0 there
is a best run, 1 no run can be chosen, 130 interrupted. Examples:
  detoxml tune
  detoxml tune --sweep lr=2^-8..2^-2 --sweep momentum=0,0.9 --workers 45 --worker-fail 5 --global-batch 360
  detoxml tune --sweep pre=none,nnm,[nnm,bucketing:s=2] --metric test-accuracy
  detoxml train --config output/tune/best.toml --max-steps 3000)";

constexpr const char* kOriginalGrid = "lr=2^-10..2^-3";
constexpr std::uint64_t kDefaultSteps = 200, kMostStepsShown = 1'000'000;

// What tune decides itself, and why an option of train is then not one of tune.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kDecidedHere = {{
    {"checkpoint-step", "runs go on by themselves: give the same command again"},
    {"engine", "each run is one process, with the bits of a run over MPI"},
    {"log-interval", "each run's lines are in its train.log"},
    {"overwrite", "a search goes on by itself; another one has another --tune-dir"},
    {"replay", "a record is repeated by detoxml train"},
    {"resume", "runs go on by themselves: give the same command again"},
    {"train-dir", "each run has its own folder below --tune-dir"},
}};

struct TuneOptions {
  std::vector<std::string> sweeps;
  std::string dir = "output/tune";
  std::string metric = "loss";
  PlaceOptions places;
  std::uint64_t last_steps = 0;
  bool dry_run = false;
};

bool is_given(const GivenOptions& given, std::string_view name) {
  return std::any_of(given.settings.begin(), given.settings.end(),
                     [&](const Setting& setting) { return setting.name == name; });
}

/// What all runs share; an invocation's own options in a file are not for the runs.
RunConfig base_of(const GivenOptions& given) {
  for (const auto& [name, why] : kDecidedHere) {
    if (is_given(given, name))
      throw UsageError(fmt::format("--{} is no option of tune: {}", name, why));
  }
  RunConfig base = given_config(given);
  // Once here, rather than in each run: that a file is a rule.
  if (base.mode) rule_of(*base.mode);
  rule_of(base.inner_mode);
  const RunConfig defaults;
  for (const auto& [name, why] : kDecidedHere)
    set_option(find_option(name), option_text(find_option(name), defaults), base);
  if (!is_given(given, "max-steps")) base.max_steps = kDefaultSteps;
  if (!is_given(given, "epochs")) base.epochs = 0;
  base.threads = 0;  // how the runs share the cores says nothing about another run
  return base;
}

/// With what a run of the search has and the best one's file has not: a search needs the newest
/// checkpoint alone.
std::vector<Trial> trials_for(const GivenOptions& given, RunConfig base,
                              const std::vector<Sweep>& sweeps) {
  if (!is_given(given, "keep-checkpoints")) base.keep_checkpoints = 1;
  constexpr std::uint64_t kLinesOfLog = 100;
  base.log_interval = std::max<std::uint64_t>(1, base.max_steps / kLinesOfLog);
  return trials_of(base, sweeps);
}

/// Why the configuration cannot be defended; empty where it can. The network and the data have
/// their say when the run starts.
std::string objection_to(const RunConfig& config) {
  try {
    make_plan(resolve(config, 0));
    return {};
  } catch (const UsageError& error) {
    return error.what();
  }
}

int list_runs(const Search& search, const RunnerOptions& options) {
  const std::vector<fs::path> folders = run_folders(options.dir, search.trials);
  std::size_t left = 0;
  for (std::size_t i = 0; i < search.trials.size(); ++i) {
    const Trial& trial = search.trials[i];
    const std::string objection = objection_to(trial.config);
    const TrialState state = outcome_in(folders[i], search.last_steps).state;
    const bool has_ended = state == TrialState::kFinished || state == TrialState::kDiverged;
    left += has_ended || !objection.empty() ? 0 : 1;
    fmt::print("{}: {}\n", trial.label,
               !objection.empty()                  ? "would fail: " + objection
               : has_ended                         ? std::string(to_string(state))
               : state == TrialState::kInterrupted ? "goes on"
                                                   : "to be done");
  }
  fmt::print("{} runs, {} of them to be done, {} at a time, in {}\n", search.trials.size(), left,
             std::min(options.jobs, search.trials.size()), options.dir.string());
  return 0;
}

void write_results(const fs::path& dir, const Search& search,
                   const std::vector<Outcome>& outcomes) {
  write_atomically(dir / "results.json", results_json(search, outcomes));
  write_atomically(dir / "results.csv", results_csv(search, outcomes));
}

/// The table, and what the best run leads to. The exit code.
int conclude(const RunConfig& base, const Search& search, const fs::path& dir,
             const std::vector<Outcome>& outcomes) {
  fmt::print("{}", results_table(search, outcomes));
  const std::size_t best = ranked(outcomes, search.metric).front();
  const fs::path file = dir / "best.toml";
  if (!score_of(outcomes[best], search.metric)) {
    fs::remove(file);
    std::fflush(stdout);
    throw InputError(fmt::format("no run can be chosen: see {}", (dir / "results.csv").string()));
  }
  const Trial& trial = search.trials[best];
  RunConfig config = base;
  for (const Setting& setting : trial.settings)
    set_option(find_option(setting.name), setting.text, config);
  write_atomically(file, to_toml(config, fmt::format("detoxml {}, the best of detoxml tune: {}",
                                                     DETOX_VERSION, trial.label)));
  fmt::print("best: {}\n", trial.label);
  if (const std::string line = advice(search, trial); !line.empty()) fmt::print("note: {}\n", line);
  constexpr std::uint64_t kLonger = 10;
  fmt::print("train longer with it: {} --max-steps {}\n",
             shell_line({"detoxml", "train", "--config", file.string()}),
             kLonger * std::min(config.max_steps, kMostStepsShown));
  std::fflush(stdout);
  return 0;
}

Search search_for(const TuneOptions& options, const GivenOptions& given, const RunConfig& base) {
  Search search;
  search.sweeps = parse_sweeps(options.sweeps.empty() ? std::vector<std::string>{kOriginalGrid}
                                                      : options.sweeps);
  for (const Sweep& sweep : search.sweeps) {
    if (!is_given(given, sweep.option)) continue;
    throw UsageError(fmt::format("--{} is given and swept; valid: one of the two", sweep.option));
  }
  search.trials = trials_for(given, base, search.sweeps);
  search.metric = metric_named(options.metric);
  search.last_steps =
      options.last_steps > 0 ? options.last_steps : default_last_steps(base.max_steps);
  return search;
}

int tune(const TuneOptions& options, const GivenOptions& given) {
  refuse_any_job("tune");
  check_places(options.places);
  const RunConfig base = base_of(given);
  for (const std::string& remark : base.remarks) log_line(remark);
  const Search search = search_for(options, given, base);
  RunnerOptions runner;
  runner.program = own_program();
  runner.dir = options.dir;
  runner.cores = usable_cores();
  runner.jobs = runs_at_once(options.places, runner.cores, search.trials.size());
  if (is_given(given, "threads")) runner.threads = given_config(given).threads;
  if (options.dry_run) {
    check_same_search(options.dir, base, search.sweeps);
    return list_runs(search, runner);
  }
  const TuneDirectory directory(options.dir, base, search.sweeps);
  const std::atomic<bool>& stop = stop_on_signals();
  // What an earlier search ended with is not that of this one.
  for (const char* name : {"best.toml", "plot.svg", "plot.png"})
    fs::remove(directory.path() / name);
  runner.places = places_for(options.places, runner.cores, search.trials.size(), directory.path());
  std::vector<Outcome> outcomes;
  {
    Watch watch(search.trials.size(), base.max_steps);
    outcomes = carry_out(search, runner, watch, stop, [&](const std::vector<Outcome>& so_far) {
      write_results(directory.path(), search, so_far);
    });
  }
  write_results(directory.path(), search, outcomes);
  const auto left = std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
    return outcome.state == TrialState::kWaiting || outcome.state == TrialState::kInterrupted;
  });
  if (left > 0) {
    log_info("interrupted; {} of {} runs are left; the same command goes on", left,
             outcomes.size());
    return kInterruptedExitCode;
  }
  if (const std::string why = draw_plot(directory.path()); !why.empty())
    log_warning("no plot: {}", why);
  return conclude(base, search, directory.path(), outcomes);
}

/// Help that says what is other here than in train.
void adapt_help(CLI::App& app) {
  for (const auto& [name, why] : kDecidedHere) app.get_option(fmt::format("--{}", name))->group("");
  app.get_option("--max-steps")
      ->description(fmt::format("the number of steps to train each run [{}]", kDefaultSteps));
  app.get_option("--threads")->description("threads of each run [its share of the cores]");
  app.get_option("--keep-checkpoints")
      ->description("how many of the newest checkpoints of each run stay [1]");
}

}  // namespace

Command tune_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand(
      "tune", "train once for each combination of values of options, and name the best one");
  const auto options = std::make_shared<TuneOptions>();
  app->add_option("--sweep", options->sweeps,
                  fmt::format("an option of train and its values; given more than once, every "
                              "combination is run [{}]",
                              kOriginalGrid))
      ->type_name("NAME=VALUES")
      ->expected(1)
      ->take_all();
  app->add_option("--tune-dir", options->dir, "where the runs and results go")
      ->capture_default_str()
      ->type_name("DIR");
  add_place_options(*app, options->places);
  app->add_option("--metric", options->metric,
                  "what decides which run is best: loss, accuracy (both of training, over the last "
                  "steps), test-accuracy (of the last checkpoint)")
      ->capture_default_str()
      ->type_name("loss|accuracy|test-accuracy");
  app->add_option(
         "--last-steps", options->last_steps,
         "loss and accuracy are means over this number of last steps [a tenth, at least 5]")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000000).description(""));
  app->add_flag("--dry-run", options->dry_run, "list the runs, and start none");
  const std::shared_ptr<GivenOptions> given = add_train_options(*app);
  adapt_help(*app);
  app->footer(kTuneFooter);
  return {app, [options, given] { return tune(*options, *given); }};
}

}  // namespace detox
