// What a run says at its end: whom to suspect, how well the network does, what to do next.
#pragma once

#include "detox/thread_pool.hpp"
#include "engine/adversary.hpp"
#include "round/training.hpp"
#include "run/setup.hpp"

namespace detox {

/// Of the steps that this process has taken; where there are none, or where they repeat a record,
/// nothing. Where attackers were simulated, what became of their lies, too.
void tell_verdict(const TrainSetup& setup, const Training& training, const Adversary& adversary);

/// Scores the model on the test set, unless the run is not to be scored, and names the next
/// command. Where it cannot be scored a line says why: the run is over and good all the same. Ends
/// early where the environment says stop.
void tell_score(const TrainSetup& setup, const Environment& environment, const ModelState& model,
                ThreadPool& pool);

}  // namespace detox
