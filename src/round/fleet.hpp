// The P workers, as the server's round sees them: an order out, answers in. The local engine and
// MPI each are one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "detox/assignment.hpp"
#include "detox/errors.hpp"

namespace detox {

/// What the workers are told for one step.
struct StepOrder {
  std::uint64_t step;
  const Assignment& assignment;
  const std::vector<bool>& absent;  ///< workers left out by --absent
  std::span<const float> parameters, statistics;
};

/// Whatever a worker said: step, slice and bytes are checked against nothing but their length.
struct IncomingAnswer {
  std::uint64_t step;
  std::uint32_t worker;
  std::uint32_t slice;
  std::span<const std::byte> bytes;  ///< AnswerLayout::size(), valid until the next step
};

struct FleetReport {
  double broadcast_s = 0, compute_s = 0, receive_s = 0;
  double in_vain_s = 0;  ///< of receive_s: after the last answer came, where one never did
  std::uint64_t bytes_in = 0, bytes_out = 0;
  bool interrupted = false;  ///< stopped from outside: the step does not count
};

/// A worker cannot go on, and the fleet not without it. Of the step in which it says so nothing has
/// counted yet.
class WorkerFailure final : public Error {
 public:
  using Error::Error;
};

class Fleet {
 public:
  virtual ~Fleet() = default;
  /// Orders step t and hands on answers as they come, until everybody who is waited for has
  /// answered or the time is over. Answers to earlier steps are handed on as well. May throw
  /// WorkerFailure.
  virtual FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                               const std::function<void(const IncomingAnswer&)>& on_answer) = 0;
};

}  // namespace detox
