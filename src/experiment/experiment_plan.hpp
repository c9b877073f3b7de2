// What of an experiment is there, and what is to be done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiment/experiment_runs.hpp"
#include "experiment/result_rows.hpp"

namespace detox {

/// The names of an experiment's own files in the folder of a run.
inline constexpr const char* kKeyFile = "key.json";
inline constexpr const char* kGivenConfigFile = "train.toml";

/// What key.json says: which run the folder is for.
struct KeyNote {
  std::string label;
  RunIdentity identity;
  std::string refused = {};  ///< why the defence could not be had; empty where that is not so
  std::string failed = {};   ///< the last line of a run that has failed, likewise
};

/// Empty where there is none. InputError where it is damaged. Any bytes may come in.
std::optional<KeyNote> read_key_note(const std::filesystem::path& folder);
void write_key_note(const std::filesystem::path& folder, const KeyNote& note);

/// A folder that is there or is to be made: several runs of an experiment may be one.
struct PlannedRun {
  enum class Todo { kNothing, kScore, kTrain };

  std::size_t run = 0;  ///< the first of them, by number
  std::filesystem::path folder;
  Todo todo = Todo::kTrain;
  std::string why;  ///< "new", "interrupted at step 40 of 250", "done", …
  ResultState state = ResultState::kWaiting;
  std::string message;     ///< why it was refused or failed
  std::uint64_t step = 0;  ///< that it goes on from
};

struct ExperimentPlan {
  std::vector<PlannedRun> planned;
  std::vector<std::size_t> of_run;           ///< for each run of the experiment, which of them
  std::vector<std::filesystem::path> stale;  ///< folders of no run of this experiment, by name
};

/// Changes nothing. A run whose files are damaged is one that failed.
ExperimentPlan plan_of(const std::filesystem::path& dir, const std::vector<ExperimentRun>& runs);

/// Whether every checkpoint in the folder of a run has been scored on the test set.
bool is_scored(const std::filesystem::path& folder);

/// How the run in a folder stands, whatever the experiment.
PlannedRun standing_in(const std::filesystem::path& folder, const ExperimentRun& run);

/// A line a run that is to be done, then what is shared and stale, then one of numbers. `at_once`:
/// runs at a time. Reads the runs that are done for the seconds that a step takes.
std::string plan_text(const Experiment& experiment, const std::vector<ExperimentRun>& runs,
                      const ExperimentPlan& plan, std::size_t at_once,
                      const std::filesystem::path& dir);

}  // namespace detox
