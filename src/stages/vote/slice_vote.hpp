// Step "vote": the answers for a slice -> one, by so many that are the same, compared by bytes:
// more than half of the assigned replicas, unless it is told otherwise. Pure.
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

  /// So many equal answers win, of these replicas: no more than there are.
  SliceVote(std::span<const std::uint32_t> replicas, std::size_t quorum);

  /// From now on so many are needed: a slice that was resolved may be open again, and one that was
  /// closed is not opened.
  void require(std::size_t quorum);

  /// Somebody who knows says which candidate wins: the slice is resolved for good.
  void decide(std::size_t candidate);

  /// Counts a worker's first answer. A second one changes nothing: kRepeated if it has the same
  /// bytes, else kEquivocated. A first answer to a closed slice is kTooLate: it is kept, so that
  /// its worker is not missing and can equivocate, but opens nothing. Costs one comparison of bytes
  /// a distinct candidate, none for the same address.
  Verdict add(std::uint32_t worker, std::span<const std::byte> answer);

  /// `worker` is not expected to answer any more; until the slice is closed it may all the same.
  void give_up(std::uint32_t worker);

  /// A slice that can no longer be resolved is closed at once, for good. kResolved is final, unless
  /// more is required.
  State state() const;
  std::span<const std::byte> winner() const;  ///< only if resolved
  std::size_t quorum() const { return quorum_; }
  bool is_decided() const { return decided_.has_value(); }
  std::size_t most_equal() const;  ///< workers who gave the answer that most gave
  /// Whether so many may give the same yet.
  bool can_win(std::size_t quorum) const;
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
  std::optional<std::size_t> winning() const;
  bool can_win() const { return decided_ || can_win(quorum_); }

  std::vector<Replica> replicas_;
  std::size_t quorum_;
  std::optional<std::size_t> decided_;
  std::vector<Candidate> candidates_;
  bool closed_ = false;  ///< without a winner
};

}  // namespace detox
