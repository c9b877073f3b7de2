#include "experiment/experiment_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.hpp"
#include "base/duration_text.hpp"
#include "base/file.hpp"
#include "base/names.hpp"
#include "config/given_options.hpp"
#include "detox/errors.hpp"
#include "experiment/own_folder.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"
#include "review/evaluations.hpp"
#include "review/run_summary.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr int kKeyFormat = 1;
constexpr std::size_t kMostNamed = 10, kMostChanges = 3, kLongestText = 500;

/// A folder that holds a run of another experiment, or of this one before it was changed.
struct OldRun {
  KeyNote note;
  fs::path folder;
};

std::vector<OldRun> old_runs(const std::vector<fs::path>& stale) {
  std::vector<OldRun> old;
  for (const fs::path& folder : stale) {
    try {
      if (auto note = read_key_note(folder)) old.push_back({std::move(*note), folder});
    } catch (const InputError&) {  // says nothing
    }
  }
  return old;
}

/// "lr 0.02, was 0.01; …"
std::string changes(const RunConfig& here, const fs::path& folder) {
  RunConfig there;
  try {
    there = recorded_config(folder / kGivenConfigFile);
  } catch (const Error&) {
    return {};
  }
  std::string text;
  std::size_t count = 0;
  for (const Option& option : train_options()) {
    const std::string now = option_text(option, here), before = option_text(option, there);
    if (option.in_every_trial || now == before) continue;
    if (++count <= kMostChanges) {
      text += fmt::format("{}{} {}, was {}", text.empty() ? "" : "; ", option.name, printable(now),
                          printable(before));
    }
  }
  if (count > kMostChanges) text += fmt::format("; and {} more", count - kMostChanges);
  return text;
}

/// Why a run that is not there is new, as far as what is there tells.
std::string why_new(const ExperimentRun& run, const std::vector<OldRun>& old) {
  for (const OldRun& other : old) {
    const RunIdentity& there = other.note.identity;
    if (there.configuration != run.identity.configuration) continue;
    const bool same_data = there.data == run.identity.data;
    const bool same_program = there.program == run.identity.program;
    if (same_data && !same_program) {
      return fmt::format("the program changed: {}, was {}", run.identity.program,
                         printable(there.program, kLongestText));
    }
    if (same_program) return "the data changed";
    return "the program and the data changed";
  }
  for (const OldRun& other : old) {
    if (other.note.label != run.label) continue;
    const std::string text = changes(run.config, other.folder);
    return text.empty() ? "a file that it names changed" : text;
  }
  return "new";
}

std::string steps_text(std::uint64_t step, const RunConfig& config) {
  return config.epochs == 0 ? fmt::format("step {} of {}", step, config.max_steps)
                            : fmt::format("step {}", step);
}

/// Of what run.json says.
void look_at_run(const ExperimentRun& run, PlannedRun& planned) {
  using Todo = PlannedRun::Todo;
  const RunStanding standing = standing_of(planned.folder);
  switch (standing.condition) {
    case RunCondition::kFinished:
    case RunCondition::kDiverged: {
      const bool finished = standing.condition == RunCondition::kFinished;
      planned.state = finished ? ResultState::kFinished : ResultState::kDiverged;
      planned.todo = is_scored(planned.folder) ? Todo::kNothing : Todo::kScore;
      planned.why = planned.todo == Todo::kNothing ? "done" : "trained, to be scored";
      planned.step = standing.step;
      return;
    }
    case RunCondition::kInterrupted:
    case RunCondition::kKilled:
    case RunCondition::kRunning: {
      const auto steps = list_checkpoints(planned.folder);
      planned.step = steps.empty() ? 0 : steps.back();
      planned.state = ResultState::kInterrupted;
      const bool runs = standing.condition == RunCondition::kRunning;
      planned.why = fmt::format("{} at {}", runs ? "still going on, last seen" : "interrupted",
                                steps_text(planned.step, run.config));
      return;
    }
    case RunCondition::kFailed:
      planned.state = ResultState::kFailed;
      planned.message = printable(standing.message, kLongestText);
      planned.why = fmt::format("failed before: {}", planned.message);
      return;
    case RunCondition::kAbsent:
      return;
  }
}

/// Of runs that are done.
struct Done {
  double seconds = 0, steps = 0, runs = 0;
};

Done done_in(const ExperimentPlan& plan) {
  Done done;
  for (const PlannedRun& planned : plan.planned) {
    if (planned.todo == PlannedRun::Todo::kTrain || planned.state == ResultState::kRefused)
      continue;
    try {
      const Summary summary = summarise_run(planned.folder).training;
      done.seconds += summary.seconds;
      done.steps += static_cast<double>(summary.steps);
      ++done.runs;
    } catch (const InputError&) {  // says nothing
    }
  }
  return done;
}

std::string time_text(const std::vector<ExperimentRun>& runs, const ExperimentPlan& plan,
                      std::size_t at_once) {
  const Done done = done_in(plan);
  double steps = 0;
  std::size_t left = 0;
  for (const PlannedRun& planned : plan.planned) {
    if (planned.todo != PlannedRun::Todo::kTrain) continue;
    const RunConfig& config = runs[planned.run].config;
    auto last = static_cast<double>(config.max_steps);
    // Only a run itself knows how many steps its epochs are.
    if (config.epochs > 0 && done.runs > 0) last = std::min(last, done.steps / done.runs);
    steps += std::max(0.0, last - static_cast<double>(planned.step));
    ++left;
  }
  if (left == 0) return {};
  if (done.steps == 0) return "how long it takes is not known before the first run is done";
  const auto together = static_cast<double>(std::max<std::size_t>(1, std::min(at_once, left)));
  const double each = done.seconds / done.steps;
  return fmt::format("about {}, from the {:.3f} s a step of those that are done",
                     duration_text(each * steps / together), each);
}

/// "A, B and C are one run", for each that more than one has.
std::string shared_text(const std::vector<ExperimentRun>& runs, const ExperimentPlan& plan) {
  std::string text;
  for (std::size_t i = 0; i < plan.planned.size(); ++i) {
    std::vector<std::string> labels;
    for (std::size_t run = 0; run < runs.size(); ++run) {
      if (plan.of_run[run] == i) labels.push_back("\"" + runs[run].label + "\"");
    }
    if (labels.size() < 2) continue;
    const std::string last = labels.back();
    labels.pop_back();
    text += fmt::format("one run: {} and {}\n", fmt::join(labels, ", "), last);
  }
  return text;
}

}  // namespace

bool is_scored(const fs::path& folder) {
  const std::vector<std::uint64_t> steps = list_models(folder);
  if (steps.empty()) return true;
  const std::vector<Evaluation> scores =
      read_evaluations(folder / kEvaluationsFile, read_metrics(folder / kMetricsFile).backs);
  return std::ranges::all_of(steps, [&](std::uint64_t step) {
    return std::ranges::any_of(scores, [step](const Evaluation& e) { return e.step == step; });
  });
}

std::optional<KeyNote> read_key_note(const fs::path& folder) {
  const fs::path file = folder / kKeyFile;
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  const std::vector<std::byte> bytes = read_file(file);
  const auto parsed = nlohmann::json::parse(text_of(bytes), nullptr, /*allow_exceptions=*/false);
  const auto refuse = [&file] {
    throw InputError(fmt::format("{} is damaged; remove its folder", file.string()));
  };
  if (!parsed.is_object() || parsed.value("format", nlohmann::json()) != kKeyFormat) refuse();
  const auto text = [&](const char* name) {
    const auto found = parsed.find(name);
    if (found == parsed.end() || !found->is_string()) refuse();
    return found->get<std::string>();
  };
  KeyNote note{text("label"), {text("configuration"), text("data"), text("program")}};
  if (parsed.contains("refused")) note.refused = printable(text("refused"), kLongestText);
  if (parsed.contains("failed")) note.failed = printable(text("failed"), kLongestText);
  return note;
}

void write_key_note(const fs::path& folder, const KeyNote& note) {
  nlohmann::json whole = {{"format", kKeyFormat},
                          {"label", note.label},
                          {"configuration", note.identity.configuration},
                          {"data", note.identity.data},
                          {"program", note.identity.program}};
  if (!note.refused.empty()) whole["refused"] = note.refused;
  if (!note.failed.empty()) whole["failed"] = note.failed;
  write_atomically(folder / kKeyFile,
                   whole.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

PlannedRun standing_in(const fs::path& folder, const ExperimentRun& run) {
  PlannedRun planned;
  planned.folder = folder;
  planned.message = run.refusal;
  try {
    const std::optional<KeyNote> note = read_key_note(folder);
    if (planned.message.empty() && note) planned.message = note->refused;
    if (!planned.message.empty()) {
      planned.state = ResultState::kRefused;
      planned.todo = PlannedRun::Todo::kNothing;
      planned.why = "refused: " + planned.message;
      return planned;
    }
    look_at_run(run, planned);
    if (planned.why.empty() && note && !note->failed.empty()) {
      planned.state = ResultState::kFailed;
      planned.message = note->failed;
      planned.why = "failed before: " + note->failed;
    }
  } catch (const InputError& error) {
    planned.todo = PlannedRun::Todo::kNothing;
    planned.state = ResultState::kFailed;
    planned.message = error.what();
    planned.why = planned.message;
  }
  return planned;
}

ExperimentPlan plan_of(const fs::path& dir, const std::vector<ExperimentRun>& runs) {
  ExperimentPlan plan;
  const std::map<std::string, fs::path> there = folders_by_key(dir / kRunsFolder);
  std::map<std::string, std::size_t> by_key;
  std::vector<std::size_t> missing;  // of what is planned
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto [place, is_new] = by_key.emplace(runs[i].key, plan.planned.size());
    plan.of_run.push_back(place->second);
    if (!is_new) continue;
    const auto found = there.find(runs[i].key);
    const bool is_there = found != there.end();
    const fs::path folder = is_there ? found->second : dir / kRunsFolder / folder_name(runs[i]);
    plan.planned.push_back(standing_in(folder, runs[i]));
    plan.planned.back().run = i;
    if (plan.planned.back().why.empty()) missing.push_back(place->second);
  }
  for (const auto& [key, folder] : there) {
    if (!by_key.contains(key)) plan.stale.push_back(folder);
  }
  std::ranges::sort(plan.stale);
  const std::vector<OldRun> old = old_runs(plan.stale);
  for (const std::size_t i : missing) {
    PlannedRun& planned = plan.planned[i];
    planned.why = why_new(runs[planned.run], old);
  }
  return plan;
}

std::string plan_text(const Experiment& experiment, const std::vector<ExperimentRun>& runs,
                      const ExperimentPlan& plan, std::size_t at_once, const fs::path& dir) {
  std::string text;
  std::size_t to_train = 0, to_score = 0, refused = 0;
  for (const PlannedRun& planned : plan.planned) {
    to_train += planned.todo == PlannedRun::Todo::kTrain ? 1 : 0;
    to_score += planned.todo == PlannedRun::Todo::kScore ? 1 : 0;
    refused += planned.state == ResultState::kRefused ? 1 : 0;
    text += fmt::format("{}: {}\n", runs[planned.run].label, planned.why);
  }
  text += shared_text(runs, plan);
  for (std::size_t i = 0; i < plan.stale.size() && i < kMostNamed; ++i) {
    text += fmt::format("no run of what was asked for, left alone: {}\n",
                        printable(plan.stale[i].string(), kLongestText));
  }
  if (plan.stale.size() > kMostNamed)
    text += fmt::format("and {} more such folders\n", plan.stale.size() - kMostNamed);
  text += fmt::format("{}: {} run{} in {}", experiment.name, plan.planned.size(),
                      plan.planned.size() == 1 ? "" : "s", dir.string());
  if (plan.planned.size() < runs.size()) text += fmt::format(" for {} rows", runs.size());
  text += fmt::format("; {} to be done, {} at a time", to_train, std::max<std::size_t>(1, at_once));
  if (to_score > 0) text += fmt::format("; {} to be scored", to_score);
  if (refused > 0) text += fmt::format("; {} refused", refused);
  const std::string time = time_text(runs, plan, at_once);
  return text + (time.empty() ? "\n" : "\n" + time + "\n");
}

}  // namespace detox
