// Under MPI: who takes part in the run that a server has set up, and what is said where too few
// can.
#pragma once

#include <atomic>
#include <vector>

#include "comm/transport.hpp"
#include "engine/worker_settings.hpp"
#include "run/setup.hpp"

namespace detox {

/// What workers are sent before it is known who takes part.
WorkerWelcome welcome_for(const TrainSetup& setup);

/// The ranks that take part. Where some are left out, plan, steps and digest of the setup become
/// those of the workers who remain, and are told anew; its profile is theirs. A run that goes on
/// keeps its own: workers who are missing have ranks beyond the job's, and the plan has them
/// absent. Throws as admit_workers() does; InputError where the defence does not hold with those
/// who remain, or DisagreementError where numerics are why.
std::vector<int> admit(TrainSetup& setup, const WorkerWelcome& welcome, Transport& transport,
                       const std::atomic<bool>& stop);

}  // namespace detox
