// What a run stands on besides its configuration: the program's own, or what a test or another host
// of the engine puts in its place.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/background_tasks.hpp"
#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "comm/chunks.hpp"
#include "config/run_config.hpp"
#include "round/fleet.hpp"

namespace detox {

struct Environment {
  /// One split of the data that the configuration names. InputError where there is none.
  std::function<std::unique_ptr<Dataset>(const RunConfig&, Split)> load_data;
  /// The network's name as it is recorded: "LeNet" for "le-net". UsageError for an unknown name.
  std::function<std::string(std::string_view)> resolve_network;
  /// The data set's name as it is recorded, and whether it is one of the registry: else the run is
  /// of what it holds, and not of its name. UsageError for what names none.
  std::function<DatasetChoice(std::string_view)> choose_dataset;
  /// As detox::make_learner.
  std::function<std::unique_ptr<Learner>(std::string_view, ImageShape, std::size_t)> make_learner;
  /// Becomes true when the run has to end after its current step.
  const std::atomic<bool>& stop;
  /// Wraps the run's own fleet, which outlives the result; the server's round then uses the
  /// wrapper. May be empty.
  std::function<std::unique_ptr<Fleet>(Fleet&)> around_fleet = {};
  std::size_t chunk_bytes = kChunkBytes;  ///< of weights and answers on the wire
  /// How long workers behind a transport wait for a silent server; 0: derived from --start-timeout
  /// and --step-timeout.
  double server_timeout_s = 0;
  /// Makes the threads that work beside the server's.
  BackgroundTasksMaker make_tasks = background_threads;
};

}  // namespace detox
