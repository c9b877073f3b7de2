// The runs that an experiment consists of, and the keys by which they are found again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "experiment/experiment_file.hpp"
#include "run/environment.hpp"

namespace detox {

/// What a run's bytes come from.
struct RunIdentity {
  std::string configuration;  ///< digest of what is computed, and of files that it names
  std::string data;           ///< digest of the training and of the test set
  std::string program;        ///< version, libraries and numerical profile, in words

  std::string key() const;  ///< 12 hexadecimal digits
};

/// A cell with a seed.
struct ExperimentRun {
  std::vector<std::size_t> cell;  ///< values by number, one an axis
  std::uint64_t seed = 0;
  std::string label;    ///< for people: "DETOX + median, alie, seed 428"
  RunConfig config;     ///< what train is given: settled() where the defence can be had
  std::string refusal;  ///< why it cannot; else empty
  RunIdentity identity;
  std::string key;
  /// Nobody said which checkpoints stay: once all are scored, the newest one.
  bool keeps_newest_alone = false;
};

/// Resolved, with the registries' names, and with options that nothing reads at their defaults: the
/// same for all ways to say the same run. UsageError where the defence cannot be had.
RunConfig settled(const RunConfig& config, const Environment& environment);

/// In the order of the file, the last axis and then the seed changing fastest. `program`: see
/// RunIdentity. Loads the data. UsageError for options that do not fit each other, wherever a run
/// would be; for no runs and for more than kMostRuns. InputError where data or a file is not there.
/// `remarks`: what options were taken for, each once.
std::vector<ExperimentRun> runs_of(const Experiment& experiment, const Environment& environment,
                                   const std::string& program, std::vector<std::string>& remarks);

/// What a new folder is called: what is readable of the label, and the key.
std::string folder_name(const ExperimentRun& run);

}  // namespace detox
