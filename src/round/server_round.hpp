// One iteration of training, as the server conducts it: assign, broadcast, vote, bucket, aggregate,
// optimize.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "base/learner.hpp"
#include "config/choices.hpp"
#include "config/defence_plan.hpp"
#include "record/step_report.hpp"
#include "round/answer_format.hpp"
#include "round/ballot.hpp"
#include "round/commitment.hpp"
#include "round/defence.hpp"
#include "round/evictions.hpp"
#include "round/replay.hpp"
#include "stages/optimize/lr_schedule.hpp"
#include "stages/optimize/sgd.hpp"

namespace detox {

/// The keys that only the server has.
struct ServerKeys {
  Key placement, buckets;
};

/// Owns nothing that outlives a step but the scratch memory, and what late answers are compared
/// with. Plan, format, layout, fleet, pool, replay and state outlive it.
class ServerRound {
 public:
  struct Parts {
    const DefencePlan& plan;
    const AnswerFormat& format;
    const ModelLayout& layout;
    ServerKeys keys;
    SgdOptions sgd;
    LrSchedule lr;
    std::size_t samples_per_step;
    Fleet& fleet;
    ThreadPool& pool;
    const Replay* replay = nullptr;  ///< decides each step; null: nothing is replayed
    Commit commit = Commit::kOff;
    std::size_t voted_chunk_bytes = 0;  ///< of digests that are voted on; 0: none are
  };
  /// What training changes.
  struct State {
    ModelState& model;
    std::vector<float>& velocity;
    std::vector<float>& last_aggregate;    ///< empty where the rule does not begin at it
    const Evictions* evictions = nullptr;  ///< who is out; null: nobody is
    std::uint64_t attempt = 0;             ///< how often the run has gone back
    bool is_last_chance = false;           ///< it ends if this step is skipped, as others were
  };
  explicit ServerRound(const Parts& parts);

  /// Takes step t, or skips it if it cannot be defended: then the state does not change. InputError
  /// if a replayed step does not give what was recorded.
  StepReport run(std::uint64_t step, std::chrono::duration<double> time_limit, const State& state);

  /// To a state that no step of this round has left, `answers` empty.
  Commitment commit(std::uint64_t step, const State& state);

  const Clock& clock() const { return clock_; }
  std::size_t workers() const { return parts_.plan.workers; }
  std::size_t slices() const { return parts_.plan.k; }

 private:
  void collect_votes(const StepOrder& order, std::chrono::duration<double> time_limit,
                     Ballot& ballot, StepReport& report);
  void measure(const Ballot& ballot, const std::vector<std::uint32_t>& resolved,
               StepReport& report);
  Commitment commit(const Ballot& ballot, const State& state, const StepReport& report);
  void update(const Ballot& ballot, std::span<const float> gradient, const State& state,
              StepReport& report);
  std::vector<std::uint32_t> choose(const Ballot& ballot, const StepReport& report) const;
  void assign(std::uint64_t step, const State& state, StepReport& report) const;
  std::vector<std::uint32_t> more_than_dealt(std::uint32_t slice, const StepReport& report) const;
  void forget_attempts_before(std::uint64_t attempt);
  static std::size_t put_out(const State& state);
  std::optional<Arbitration> arbitration_of(std::uint64_t round, const State& state) const;
  std::vector<bool> absent_workers(std::uint64_t step, const State& state) const;

  Parts parts_;
  const Clock& clock_;
  Workspace workspace_;
  Defence defence_;
  std::unique_ptr<Aggregator> median_;
  RecentSteps recent_;
  std::uint64_t attempt_ = 0;             ///< that recent_ is of
  std::optional<RecordedStep> recorded_;  ///< where it is replayed
  StateHasher hasher_;
};

}  // namespace detox
