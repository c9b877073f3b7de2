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
  /// The network's name as it is recorded: "LeNet" for "le-net". UsageError for a name that is
  /// none.
  std::function<std::string(std::string_view)> resolve_network;
  /// As detox::make_learner.
  std::function<std::unique_ptr<Learner>(std::string_view, ImageShape, std::size_t)> make_learner;
  /// Becomes true where the run is to end with the step that it is at.
  const std::atomic<bool>& stop;
  /// What stands between the server's round and the run's own fleet, which outlives it; may be
  /// empty.
  std::function<std::unique_ptr<Fleet>(Fleet&)> around_fleet = {};
  std::size_t chunk_bytes = kChunkBytes;  ///< of weights and answers on the wire
  /// How long workers behind a transport bear a silent server; 0: what --start-timeout and
  /// --step-timeout make of it.
  double server_timeout_s = 0;
  /// Makes what works beside the server's thread.
  BackgroundTasksMaker make_tasks = background_threads;
};

}  // namespace detox
