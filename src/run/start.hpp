// Where a run begins: its directory, and step 0 or a checkpoint.
#pragma once

#include "record/checkpoint.hpp"
#include "record/run_directory.hpp"
#include "run/setup.hpp"

namespace detox {

/// The run's directory, locked, and the checkpoint to start from: step 0 of the setup where nothing
/// is resumed.
struct Start {
  RunDirectory directory;
  Checkpoint checkpoint;
  HostsOfWorkers convicted_on = {};  ///< as run.json beside the checkpoint has it
};

/// Step 0 of the setup.
Checkpoint beginning(const TrainSetup& setup);

/// Follows --resume and --checkpoint-step. Changes nothing in the directory before it knows that
/// the run there is the same one, and removes no checkpoint unless it has loaded an earlier one.
///
/// --resume auto takes the newest whole checkpoint, or step 0 if the run was killed before its
/// first; it skips damaged ones with a warning. InputError, with the reasons, if no checkpoint is
/// whole, and at once if one is of another network or cannot be read. UsageError if the directory
/// holds another run, or one that has finished; one that was killed behind its last checkpoint has
/// its end before it, and no step.
Start open_start(const TrainSetup& setup);

/// UsageError, with what differs, unless this is the run, and the numerical profile, of the
/// checkpoint `file` with this state.
void check_same_run(const TrainSetup& setup, const std::filesystem::path& file,
                    const TrainingState& state);

/// The same for a run that left no checkpoint: compares the recorded configuration. InputError if
/// there is none.
void check_same_beginning(const TrainSetup& setup, const std::filesystem::path& dir);

}  // namespace detox
