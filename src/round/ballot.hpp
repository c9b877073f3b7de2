// The votes of one step: what workers say of their slices, and what becomes of it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "base/round_number.hpp"
#include "record/rounds_file.hpp"
#include "round/fleet.hpp"
#include "stages/assign/dealing.hpp"
#include "stages/vote/slice_vote.hpp"

namespace detox {

/// Steps that are over; late answers are still compared with them.
class RecentSteps {
 public:
  struct Step {
    std::uint64_t round;
    using Order = std::pair<std::uint32_t, std::uint32_t>;  ///< worker and slice
    std::map<std::uint32_t, Digest> majorities;             ///< by slice
    std::set<Order> unheard;                                ///< not missing yet
    std::map<Order, Digest> said;                           ///< where that was digests or came late
  };

  /// Judges a late answer; empty if there is nothing (left) to compare it with.
  std::optional<Suspicion> compare(const IncomingAnswer& answer);
  /// Adds a step and forgets the oldest one. Returns the workers who never answered that: they were
  /// missing.
  std::vector<LedgerEntry> add(Step step);

 private:
  std::deque<Step> steps_;
};

/// How a step's slices are judged where an arbiter decides about what differs.
struct Arbitration {
  bool by_server = false;         ///< the server computes the slice; else, or too, more workers
  std::size_t truth = 0;          ///< so many equal answers are the truth: q + 1
  Dealing dealing;                ///< how many slices liars may own
  std::size_t liars = 0;          ///< that may be left
  std::vector<bool> rechecked{};  ///< by slice: goes to the arbiter even where all say the same
};

/// Used by one thread. Answers are views: they stay valid as long as the ballot is asked.
class Ballot final : public StepVotes {
 public:
  struct Parts {
    std::uint64_t round;  ///< round_number()
    const Assignment& assignment;
    const std::vector<bool>& absent;
    std::size_t answer_bytes;
    std::size_t enough;  ///< slices with an answer that a step needs to go on
    RecentSteps& recent;
    /// Asks no more workers than a majority needs, in the order of the assignment: so many that
    /// they can be one, and another one when they cannot. Who is asked then depends on the answers
    /// alone, as long as nobody is passed over.
    bool is_lazy = false;
    const RecordedStep* recorded = nullptr;    ///< where it is replayed: who counted is asked
    const Arbitration* arbitration = nullptr;  ///< where there is an arbiter
    const Clock& clock = Clock::real();
  };
  explicit Ballot(const Parts& parts);

  std::vector<SliceOrder> take_orders() override;
  void pass_over(const SliceOrder& order) override;
  void make_do(std::uint32_t slice) override;
  bool ask_another(std::uint32_t slice) override;
  void count(const IncomingAnswer& answer) override;
  void note(const SliceOrder& of, Suspicion kind) override;
  void note(std::uint32_t worker, Suspicion kind) override;
  SliceState state(std::uint32_t slice) const override;
  std::optional<Majority> majority(std::uint32_t slice) const override;
  void settle(std::uint32_t slice, std::optional<std::span<const std::byte>> answer) override;
  bool has_enough() const override { return in_order_.size() >= parts_.enough; }

  /// Stops waiting for anybody. `only_late`: silent workers may still answer.
  void close(bool only_late);

  /// After close(): the first `enough` slices that had an answer, ascending.
  const std::vector<std::uint32_t>& used() const { return in_order_; }
  /// Of a slice with an answer.
  std::span<const std::byte> answer(std::uint32_t slice) const { return *slices_[slice].answer; }
  /// The digests that the answer was voted on by, as digests_of_answer() has them; none where it
  /// was voted on itself.
  std::span<const std::byte> voted_digests(std::uint32_t slice) const {
    return slices_[slice].by_digest ? slices_[slice].vote.winner() : std::span<const std::byte>();
  }
  /// Workers of the slice's majority, ascending; none where it has no answer.
  std::vector<std::uint32_t> counted(std::uint32_t slice) const;
  /// Slices without a majority whose answer is here, ascending.
  std::vector<std::uint32_t> unresolved() const;
  /// Of the slice's workers, those who were asked, ascending.
  const std::vector<std::uint32_t>& asked(std::uint32_t slice) const {
    return slices_[slice].asked;
  }
  /// Slices that the server computed, ascending.
  std::vector<std::uint32_t> computed_by_server() const;
  /// Of these, where nobody else had said what it found.
  std::size_t server_was_alone() const { return server_was_alone_; }
  std::vector<LedgerEntry>& ledger() { return ledger_; }

  double seconds() const { return seconds_; }  ///< spent on comparing

 private:
  struct Slice {
    SliceVote vote;
    bool by_digest = false;
    std::optional<std::span<const std::byte>> answer = {};
    bool is_undelivered = false;
    /// Who promised it does not deliver, or who was to be compared does not answer: others may be
    /// asked as well.
    bool is_overdue = false;
    /// Sent to the arbiter: those who said something else than what it finds are convicted.
    bool is_disputed = false;
    bool is_at_server = false;   ///< and it is the server's turn
    bool server_has_it = false;  ///< which has found what it is
    std::size_t agreed = 0;      ///< equal copies that were enough until workers recheck them
    std::size_t next = 0;        ///< of its list, then of its spares, who was not asked yet
    std::vector<std::uint32_t> asked = {};       ///< ascending
    std::vector<std::uint32_t> waited_for = {};  ///< of these, in no order
  };
  std::uint64_t step() const { return step_of_round(parts_.round); }
  void log_once(const LedgerEntry& entry);
  bool takes_part(std::uint32_t worker, std::uint32_t slice) const;
  bool is_its_own(std::uint32_t worker, std::uint32_t slice) const;
  std::size_t quorum(std::uint32_t slice) const;
  bool ask_next(std::uint32_t slice);
  void ask_as_needed(std::uint32_t slice);
  bool may_order(std::uint32_t worker);
  void take_answer(const IncomingAnswer& answer);
  void take_truth(const IncomingAnswer& answer);
  void settle_copy(std::uint32_t slice);
  void dispute(std::uint32_t slice);
  void recheck(std::uint32_t slice);
  void require_less(std::uint32_t slice);
  void close_slice(std::uint32_t slice, bool only_late, RecentSteps::Step& step);
  void accuse(std::uint32_t slice);

  Parts parts_;
  std::vector<Slice> slices_;
  std::vector<std::uint32_t> in_order_;  ///< slices, as they got their answers
  std::vector<SliceOrder> orders_;       ///< that nobody has taken yet
  std::vector<std::size_t> orders_of_;   ///< by worker: slices whose answer it may be alone
  std::size_t server_was_alone_ = 0;
  std::vector<LedgerEntry> ledger_;
  double seconds_ = 0;
};

}  // namespace detox
