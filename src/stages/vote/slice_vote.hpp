// Step "vote": r answers for a slice -> one, by majority of the assigned replicas, compared by
// bytes. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace detox {

/// The ballot of one slice in one step. Answers are views: they stay valid as long as the vote is
/// asked.
class SliceVote {
 public:
  enum class State { kOpen, kResolved, kUnresolved };
  enum class Verdict { kCounted, kTooLate, kRepeated, kEquivocated, kNotAssigned };
  struct Candidate {
    std::span<const std::byte> answer;
    std::vector<std::uint32_t> workers;  ///< in the order of their answers
  };

  /// `assigned` replicas; a majority is strictly more than half of them, whether they answer or
  /// not.
  explicit SliceVote(std::span<const std::uint32_t> assigned);

  /// Counts a worker's first answer. A second one changes nothing: kRepeated if it has the same
  /// bytes, else kEquivocated. A first answer to a closed slice is kTooLate: it is kept, so that
  /// its worker is not missing and can equivocate, but opens nothing. Costs one comparison of bytes
  /// a distinct candidate, none for the same address.
  Verdict add(std::uint32_t worker, std::span<const std::byte> answer);

  /// `worker` is not expected to answer any more; until the slice is closed it may all the same.
  void give_up(std::uint32_t worker);

  /// A slice that can no longer get a majority is closed at once, for good: kUnresolved is final,
  /// as kResolved is.
  State state() const;
  std::span<const std::byte> winner() const;  ///< only if resolved
  std::size_t most_equal() const;             ///< workers who gave the answer that most gave
  const std::vector<Candidate>& candidates() const { return candidates_; }
  std::vector<std::uint32_t> outvoted() const;  ///< ascending; only if resolved
  std::vector<std::uint32_t> missing() const;   ///< assigned workers without an answer, ascending

 private:
  struct Replica {
    std::uint32_t worker;
    std::optional<std::size_t> candidate;
    bool given_up = false;
  };
  Replica* find(std::uint32_t worker);
  std::optional<std::size_t> majority() const;
  bool can_get_majority() const;

  std::vector<Replica> replicas_;
  std::vector<Candidate> candidates_;
  bool closed_ = false;  ///< without a majority
};

}  // namespace detox
