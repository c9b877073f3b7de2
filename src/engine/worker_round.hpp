// A worker's life under MPI: a welcome and a probe gradient, settings, then weights and an order a
// step, until the server says stop.
#pragma once

#include <functional>
#include <memory>

#include "comm/frame.hpp"
#include "comm/transport.hpp"
#include "engine/adversary.hpp"
#include "engine/slice_batch.hpp"
#include "engine/slice_computer.hpp"
#include "engine/worker_settings.hpp"
#include "stages/assign/slice_schedule.hpp"

namespace detox {

/// What a worker makes of its welcome: data, a learner, and what it reports about them.
struct WorkerKit {
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Learner> learner;
  std::string profile;
  std::string host, processor;  ///< for people
};
using WorkerKitMaker = std::function<WorkerKit(const WorkerWelcome&)>;

/// Serves until the server stops it; returns the run's exit code. InputError where the server is
/// silent for too long (start_timeout_s before the welcome has come) or sends what is no message.
/// Anything that fails in between is told to the server first. A worker that has failed or was left
/// out stays until the server stops it, because a rank that is gone would end the job.
int serve_as_worker(Transport& transport, double start_timeout_s, const WorkerKitMaker& make_kit);

}  // namespace detox
