// Under MPI: decides who takes part in the run that the server has set up, and says why too few
// can.
#pragma once

#include <atomic>
#include <vector>

#include "comm/transport.hpp"
#include "engine/worker_settings.hpp"
#include "run/setup.hpp"

namespace detox {

/// What the server sends to every worker before it knows who takes part.
WorkerWelcome welcome_for(const TrainSetup& setup);

/// The ranks that take part. If some ranks are left out, the setup's plan, steps and digest become
/// those of the workers who remain, and are logged again; its profile and hosts become theirs. A
/// resumed run keeps its own: missing workers get ranks beyond the job's, and the plan counts them
/// as absent. Throws as admit_workers() does; InputError if the defence does not hold with those
/// who remain; DisagreementError if numerics are the reason.
std::vector<int> admit(TrainSetup& setup, const WorkerWelcome& welcome, Transport& transport,
                       const std::atomic<bool>& stop);

}  // namespace detox
