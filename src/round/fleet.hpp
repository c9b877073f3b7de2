// The P workers, as the server's round sees them: an order out, answers in. The local engine and
// MPI each are one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "detox/assignment.hpp"
#include "detox/errors.hpp"
#include "round/ledger.hpp"

namespace detox {

/// Bytes [begin, end) of the answers for all slices that the step is expected to use, ascending.
struct ReadyColumns {
  std::size_t begin, end;
  std::span<const std::uint32_t> slices;
  std::span<const std::byte* const> answers;  ///< from their first byte
};

/// What the workers are told for one step.
struct StepOrder {
  std::uint64_t step;
  const Assignment& assignment;
  const std::vector<bool>& absent;  ///< workers left out by --absent
  std::span<const float> parameters, statistics;
  /// Told of blocks in their order, each once, by fleets that get answers piece by piece; may be
  /// empty. Nothing is promised: a slice may drop out afterwards.
  std::function<void(const ReadyColumns&)> on_columns = {};
};

/// Whatever a worker said: step, slice and bytes are checked against nothing but their length.
struct IncomingAnswer {
  std::uint64_t step;
  std::uint32_t worker;
  std::uint32_t slice;
  std::span<const std::byte> bytes;  ///< the answer, or its digests; valid until the next step
  bool is_digest = false;            ///< AnswerDigests, and the answer has to be fetched
};

/// Who said the same, and what.
struct Majority {
  std::span<const std::byte> bytes;
  const std::vector<std::uint32_t>& workers;  ///< in the order in which they said it
};

/// The votes of a step, as a fleet tells and asks the server's round.
class StepVotes {
 public:
  virtual ~StepVotes() = default;
  virtual void count(const IncomingAnswer& answer) = 0;
  /// Something else that a worker was seen doing in this step; each kind is logged once.
  virtual void note(std::uint32_t worker, Suspicion kind) = 0;
  /// Whether a majority can still come: there is none yet, and enough replicas are outstanding.
  virtual bool is_open(std::uint32_t slice) const = 0;
  virtual std::optional<Majority> majority(std::uint32_t slice) const = 0;
  /// The answer that a majority gave the digests of, valid until the next step; or nothing, where
  /// none of its members delivered: then the slice is unresolved.
  virtual void settle(std::uint32_t slice, std::optional<std::span<const std::byte>> answer) = 0;
  /// Whether the step can go on without the slices that have no answer yet.
  virtual bool has_enough() const = 0;
};

struct FleetReport {
  double broadcast_s = 0, compute_s = 0, receive_s = 0;
  /// Of all that: after the last answer came, where one never did; while it waited for no more
  /// slices than liars can own; and while it could not look itself.
  double in_vain_s = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  bool interrupted = false;  ///< stopped from outside: the step does not count
  bool ended_early = false;  ///< before all were heard who are waited for: they are only late
};

class Fleet {
 public:
  virtual ~Fleet() = default;
  /// Orders step t and counts answers as they come, until no slice waits for anything or the time
  /// is over. Answers to earlier steps are counted as well.
  virtual FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                               StepVotes& votes) = 0;
  /// At the end, a line for people about workers that were not there; empty for none.
  virtual std::string who_was_missing() const { return {}; }
};

}  // namespace detox
