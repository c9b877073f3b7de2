// The transport between threads of one process under a simulated clock: whatever happens, happens
// in an order that a seed alone decides. For tests that run the real server and the real workers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "base/background_tasks.hpp"
#include "comm/transport.hpp"

namespace detox {

/// What the simulated machines and links are like. In seconds.
struct SimulatedWorld {
  std::uint64_t seed = 0;
  double least_latency = 50e-6, most_latency = 500e-6;  ///< of a frame, drawn for each
  double tail_share = 0;                                ///< of frames that take much longer,
  double tail_times = 100;                              ///< so many times
  double send_cost = 1e-6, receive_cost = 2e-6;         ///< for who does it
  double least_task = 1e-6, most_task = 50e-6;          ///< of a background task
  std::size_t eager_bytes = std::numeric_limits<std::size_t>::max();
  ///< a frame no longer than this has left at once, a longer one when it is taken in
  double end = 3600;  ///< whoever has not ended by then is killed
};

/// One rank runs at a time, each on a thread of its own; in a call that waits it hands its turn on.
/// Time stands still while a rank computes, but for what pass() says and frames cost. Frames from
/// one rank to another arrive in their order, those of different ranks in any. A dead rank's calls
/// throw, so that its thread ends; of what it had sent a last part may be lost.
class SimulatedNetwork {
 public:
  SimulatedNetwork(int size, const SimulatedWorld& world);
  ~SimulatedNetwork();
  SimulatedNetwork(const SimulatedNetwork&) = delete;
  SimulatedNetwork& operator=(const SimulatedNetwork&) = delete;

  Transport& endpoint(int rank);
  /// Work beside this rank: it ends at times that the seed decides.
  BackgroundTasksMaker tasks_of(int rank);

  // Faults, to be set before run(); times are seconds since its begin.
  void kill(int rank, double at);
  void pause(int rank, double at, double seconds);
  /// All that it sends and receives is under way so many times as long.
  void slow_link(int rank, double times);

  /// In a rank's own thread: it computes for so long, whatever comes meanwhile.
  void pass(int rank, double seconds);
  /// Since the begin of run().
  double seconds() const;
  /// That a rank was paused until now, all together.
  double paused_seconds(int rank) const;

  /// Calls body(rank) for every rank, each on a thread of its own, until all have returned or are
  /// dead. It must not throw anything of its own.
  void run(const std::function<void(int rank)>& body);

  bool is_dead(int rank) const;
  /// Whether somebody had not ended at the world's end, or waited for nothing.
  bool was_cut_off() const;

  /// A hash of all that has happened, in its order.
  std::uint64_t trace() const;
  /// Gets a line for each event.
  void tell_events(std::function<void(std::string_view line)> tell);

 private:
  class Endpoint;
  class Tasks;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
