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
};

/// As --resume and --checkpoint-step say. Nothing in the directory is changed before it is known to
/// hold the same run, and no checkpoint is removed unless an earlier one was loaded.
///
/// With `auto` the newest checkpoint that is whole, or step 0 where the run was killed before its
/// first; damaged ones are passed over with a warning. InputError, with the reasons, where none is
/// whole, and at once where one is of another network or cannot be read. UsageError where what is
/// there is another run or has come to its end.
Start open_start(const TrainSetup& setup);

/// UsageError, with what differs, unless this is the run, and the numerical profile, of the
/// checkpoint `file` with this state.
void check_same_run(const TrainSetup& setup, const std::filesystem::path& file,
                    const TrainingState& state);

/// The same for a run that left no checkpoint, by its recorded configuration: nothing else can say.
/// InputError where it has none.
void check_same_beginning(const TrainSetup& setup, const std::filesystem::path& dir);

}  // namespace detox
