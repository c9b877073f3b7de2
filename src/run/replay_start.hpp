// A run that repeats another one (--replay): what it reads at its start, and what it compares at
// its end.
#pragma once

#include "run/setup.hpp"

namespace detox {

/// Loads the record that --replay names into the setup; does nothing without --replay. If the
/// record ends before the configured run, lowers setup.last_step to its last step. Writes no file.
/// UsageError if the recorded run is another one; InputError if its record is damaged or begins
/// after step 1 although the run does not resume.
void open_replay(TrainSetup& setup);

/// Compares the checkpoints of the steps for which both runs have one, and logs how many there are.
/// InputError names the first file that differs; with --allow-other-numerics a warning does.
void compare_with_replayed(const TrainSetup& setup);

}  // namespace detox
