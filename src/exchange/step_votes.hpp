// The votes of a step, as whoever takes in the workers' answers sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "record/ledger.hpp"

namespace detox {

/// Bytes [begin, end) of the answers for all slices that the step is expected to use, ascending. No
/// slices: what was handed on before is void.
struct ReadyColumns {
  std::size_t begin, end;
  std::span<const std::uint32_t> slices;
  std::span<const std::byte* const> answers;  ///< from their first byte
};

/// What a worker said. Nothing of it is checked but the length of the bytes.
struct IncomingAnswer {
  std::uint64_t round;  ///< round_number()
  std::uint32_t worker;
  std::uint32_t slice;
  std::span<const std::byte> bytes;  ///< the answer, or its digests; valid until the next step
  bool is_digest = false;            ///< AnswerDigests, and the answer has to be fetched
};

/// A worker who is to compute a slice, now.
struct SliceOrder {
  std::uint32_t worker, slice;
};

/// In an order and its answer: the server itself, whom nobody doubts.
inline constexpr std::uint32_t kTheServer = 0xfffffffe;

/// What has happened to a slice in a step. It changes only to a later state of this list.
enum class SliceState : std::uint8_t {
  kOpen,      ///< a majority can still come: there is none yet, and enough replicas are outstanding
  kMajority,  ///< what its answer is has been said; the bytes are to come
  kHere,      ///< and so are they
  kGivenUp,   ///< there can be no majority, or nobody of it delivers
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
  /// Whom to ask for what since the last call. There may be more after count(), pass_over() and
  /// ask_another(). Where kTheServer is asked, its answer is counted before anything else; where
  /// that is the slice's majority then, it is the answer to settle with.
  virtual std::vector<SliceOrder> take_orders() = 0;
  /// Nobody waits any more for what this worker was asked for: where it matters somebody else is
  /// asked. It may answer all the same.
  virtual void pass_over(const SliceOrder& order) = 0;
  /// There is no time left to hear more than has been said of this slice: copies that were to be
  /// compared with others count by themselves, where they may.
  virtual void make_do(std::uint32_t slice) = 0;
  /// Of a slice with a majority, none of whom delivers: somebody else is asked, where not everybody
  /// was. True if so, or if somebody is waited for who may join it yet.
  virtual bool ask_another(std::uint32_t slice) = 0;

  virtual void count(const IncomingAnswer& answer) = 0;
  /// Something else that a worker was seen doing with a slice in this step; each kind is logged
  /// once.
  virtual void note(const SliceOrder& of, Suspicion kind) = 0;
  /// The same, where it is about no slice.
  virtual void note(std::uint32_t worker, Suspicion kind) = 0;
  /// Only count(), pass_over(), make_do() and settle() change it, each that of one slice. Where an
  /// arbiter has to decide, one with a majority is open again.
  virtual SliceState state(std::uint32_t slice) const = 0;
  /// Also if nobody of it delivered the bytes.
  virtual std::optional<Majority> majority(std::uint32_t slice) const = 0;
  /// Of a slice with a majority: the answer that it gave the digests of, valid until the next step;
  /// or nothing, where none of its members delivered.
  virtual void settle(std::uint32_t slice, std::optional<std::span<const std::byte>> answer) = 0;
  /// Whether the step can go on without the slices that have no answer yet.
  virtual bool has_enough() const = 0;
};

}  // namespace detox
