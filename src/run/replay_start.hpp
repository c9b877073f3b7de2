// A run as the repetition of another one (--replay): where it begins, and what is said at its end.
#pragma once

#include "run/setup.hpp"

namespace detox {

/// Puts the record that --replay names into the setup; nothing without it. Where it ends before the
/// run as configured, setup.last_step is lowered to its last step. Writes no file. UsageError where
/// the recorded run is another one, InputError where its record is damaged or does not begin with
/// the run.
void open_replay(TrainSetup& setup);

/// Compares the checkpoints of steps of which both have one, and tells how many they are.
/// InputError naming the first file that differs, a warning where --allow-other-numerics.
void compare_with_replayed(const TrainSetup& setup);

}  // namespace detox
