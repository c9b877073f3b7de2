// Carries out an experiment.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiment/experiment_plan.hpp"
#include "experiment/result_rows.hpp"
#include "experiment/run_pool.hpp"
#include "experiment/watch.hpp"

namespace detox {

struct ExperimentTask {
  const Experiment& experiment;
  const std::vector<ExperimentRun>& runs;
  std::filesystem::path dir;
  std::string program;  ///< detoxml
  std::string command;  ///< that makes this experiment, for its results
};

/// Trains what is to be trained and scores what has ended; a run that fails or is refused is a row
/// and stops no other. `each` is called on the calling thread, now and then, with all rows so far.
/// When `stop` becomes true no run is begun, and those that go on leave a checkpoint. InputError
/// where no place is left.
Results carry_out(const ExperimentTask& task, const ExperimentPlan& plan, const Pool& pool,
                  Watch& watch, const std::atomic<bool>& stop,
                  const std::function<void(const Results&)>& each);

}  // namespace detox
