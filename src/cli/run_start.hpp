// Where a run begins: its directory, and step 0 or a checkpoint.
#pragma once

#include "cli/train_setup.hpp"
#include "record/checkpoint.hpp"
#include "record/run_directory.hpp"

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

}  // namespace detox
