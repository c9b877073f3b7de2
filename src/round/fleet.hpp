// The P workers, as the server's round sees them: an order out, answers in. The local engine and
// MPI each are one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/assignment.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/round_number.hpp"
#include "exchange/step_votes.hpp"
#include "record/latency.hpp"

namespace detox {

/// Of weights, parameters before statistics, as they are cut into chunks of this size.
struct WeightsDigests {
  std::size_t chunk_bytes = 0;
  std::span<const Digest> chunks;
};

/// What the workers are told for one step.
struct StepOrder {
  std::uint64_t step;
  const Assignment& assignment;
  const std::vector<bool>& absent;  ///< workers left out by --absent
  std::span<const float> parameters, statistics;
  /// Fleets that get answers piece by piece call it for each block once, in order; may be empty. A
  /// slice may still drop out afterwards.
  std::function<void(const ReadyColumns&)> on_columns = {};
  /// Of the weights, where they are known; none otherwise.
  WeightsDigests digests = {};
  std::uint64_t attempt = 0;    ///< how often the run has gone back
  bool is_last_chance = false;  ///< the run ends if this step is skipped: all get the time

  std::uint64_t round() const { return round_number(attempt, step); }
};

struct FleetReport {
  double broadcast_s = 0, compute_s = 0, receive_s = 0;
  /// Of all that: after the last answer came, where one never did; while it waited for no more
  /// slices than liars can own; and while it could not look itself.
  double in_vain_s = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  StepLatency latency;            ///< of every worker
  std::vector<LateLatency> late;  ///< of earlier steps
  bool interrupted = false;       ///< stopped from outside: the step does not count
  bool ended_early = false;       ///< before all were heard who are waited for: they are only late
};

class Fleet {
 public:
  virtual ~Fleet() = default;
  /// Gives the orders of step t as the votes have them and counts answers as they come, until no
  /// slice waits for anything or the time is over. Also counts answers to earlier steps.
  virtual FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                               StepVotes& votes) = 0;
  /// By worker: those who need not be given anything in this step, because they are not there, as
  /// far as is known; empty where all are.
  virtual std::vector<bool> away(std::uint64_t /*step*/) const { return {}; }
  /// At the end of a run: a line for people about workers that were missing; empty if none was.
  virtual std::string who_was_missing() const { return {}; }
  /// The clock of the time limit and of a step's duration.
  virtual const Clock& clock() const { return Clock::real(); }
};

}  // namespace detox
