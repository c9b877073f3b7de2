// What a run says at its end: whom to suspect, how well the network does, what to do next.
#pragma once

#include "detox/thread_pool.hpp"
#include "engine/adversary.hpp"
#include "round/training.hpp"
#include "run/setup.hpp"

namespace detox {

/// Logs the verdict on the steps that this process has taken; says nothing if there are none, or if
/// they replay a record. If attackers were simulated, also logs what became of their lies.
void tell_verdict(const TrainSetup& setup, const Training& training, const Adversary& adversary);

/// Scores the model on the test set, unless --no-evaluate, and names the next command. If the model
/// cannot be scored, a line says why: the run itself has succeeded. Ends early when
/// environment.stop is true.
void tell_score(const TrainSetup& setup, const Environment& environment, const ModelState& model,
                ThreadPool& pool);

}  // namespace detox
