// A whole run: steps, checkpoints, metrics, ledger, and how it ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "record/attackers_file.hpp"
#include "record/checkpoint.hpp"
#include "record/commitments_file.hpp"
#include "record/journal.hpp"
#include "record/latency_file.hpp"
#include "record/rejections.hpp"
#include "record/run_directory.hpp"
#include "record/signature_file.hpp"
#include "round/evictions.hpp"
#include "round/healing.hpp"
#include "round/progress.hpp"
#include "round/server_round.hpp"
#include "round/step_deadline.hpp"

namespace detox {

/// How a run is recorded and when it ends.
struct TrainingOptions {
  std::uint64_t last_step = 0;
  std::uint64_t checkpoint_every = 0;  ///< 0: only at the end
  std::uint64_t keep_checkpoints = 0;  ///< 0: all
  std::uint64_t max_skipped = 20;
  double step_timeout_s = 60, start_timeout_s = 600;
  std::uint64_t log_interval = 0;
  std::string config_digest, profile;
  bool stops_on_divergence = true;          ///< where the weights are no longer finite
  bool commits = false;                     ///< the round makes commitments
  const SigningKey* sign_key = nullptr;     ///< that signs them; null: nobody
  Evictions::Terms evictions;               ///< workers: 0 where nobody is convicted
  std::vector<std::uint32_t> readmitted{};  ///< workers whose convictions are forgotten
  HostsOfWorkers convicted_on{};            ///< where who is convicted was then
  bool heals = false;                       ///< goes back to before what liars alone have said
  const Replay* replay = nullptr;           ///< that the round follows; null: none
};

/// Who lies in a step, for the record; the server's round does not see it. Empty if no attack is
/// simulated.
using SimulatedTruth = std::function<SimulatedLies(const StepReport& report)>;

/// Called after each step, once it is recorded.
using StepTaken = std::function<void(const StepReport& report)>;

enum class RunEnd { kFinished, kInterrupted };

class Training {
 public:
  /// `start` is step 0 with the initial model, or a checkpoint. The journals in the directory are
  /// cut back to its step and attempt.
  Training(const TrainingOptions& options, ServerRound& round, const ModelLayout& layout,
           Checkpoint start, RunDirectory& directory, SimulatedTruth truth = {});

  /// Trains until the last step, or until `stop` is true: then the last whole step is checkpointed.
  /// InputError where the last checkpoint cannot be written, UndefendedError after too many skipped
  /// steps in a row since it was made: who resumes such a run wants it to try again. DivergedError
  /// where it stops on divergence: there is no checkpoint of that step then, and the newest one is
  /// finite. Whatever is thrown, the directory's status says so.
  RunEnd run(const std::atomic<bool>& stop, const StepTaken& on_step = {});

  const ModelState& model() const { return model_; }
  /// What workers were seen doing in steps first_step() to last_step(), those that this process has
  /// taken; last_step() is less where there are none.
  const Ledger& ledger() const { return ledger_; }
  /// By the rule, in these steps.
  const Rejections& rejections() const { return rejections_; }
  std::uint64_t first_step() const { return first_step_; }
  std::uint64_t last_step() const { return state_.step; }
  /// Answers that were asked for, also in steps that were taken back, and slices that were used in
  /// those that stand, as far as this process has taken them.
  std::uint64_t computed() const { return computed_; }
  std::uint64_t used() const;
  /// Who was convicted, before these steps too; null where nobody is.
  const Evictions* evictions() const { return evictions_ ? &*evictions_ : nullptr; }
  /// Where it has gone back, before these steps too.
  const Healing& healing() const { return healing_; }
  /// Steps that this process has taken since the last conviction.
  std::uint64_t quiet_steps() const { return quiet_steps_; }
  /// That a liar of one lie in kSeldom orders was not convicted in these.
  double undetected_share() const { return undetected_; }
  static constexpr int kSeldom = 10;
  /// Slices of which the server's own computing was what no worker had said.
  std::uint64_t server_was_alone() const { return server_was_alone_; }

 private:
  void take_step(std::uint64_t step, const StepReport& report, const StepTaken& on_step);
  void record(const StepReport& report);
  bool convict(const StepReport& report);
  void open_attempts();
  void keep_beginning();
  void heal_what_was_before();
  bool heal();
  bool go_back_before(std::uint64_t unsure);
  std::optional<std::uint64_t> first_unsure();
  std::optional<Checkpoint> checkpoint_before(std::uint64_t step);
  void go_back(std::uint64_t from, Checkpoint start);
  void take_over_state();
  ServerRound::State round_state();
  std::uint64_t round() const { return round_number(healing_.attempt(), state_.step); }
  void note_attempt(TrainingState& state) const;
  struct InJournals {
    bool metrics = false, rounds = false, commitments = false, latency = false;
    bool any() const { return metrics || rounds || commitments || latency; }
  };
  static constexpr InJournals kAllJournals{true, true, true, true};
  void record_back(std::uint64_t attempt, const InJournals& in);
  std::uint64_t last_attempt_back_to(std::uint64_t step) const;
  void follow_attempts(std::uint64_t last);
  void note_quiet_step(const StepReport& report);
  void take_steps(const std::atomic<bool>& stop, const StepTaken& on_step);
  bool checkpoint(bool is_last);
  void write_status(RunState state, const std::string& message = "") const;
  void note_step();
  void leave(RunState state, const std::string& why);
  void end_or_warn(const StepReport& report);
  std::string undefended(const StepReport& report) const;
  std::string diverged(const StepReport& report) const;
  bool append(Journal& journal, nlohmann::json line);
  bool tell_lost_line(bool written, const Journal& journal);
  bool tell_lost_record(bool written);
  void sync_journals();
  void sign();
  void tell_gaps() const;
  void open_evictions();

  TrainingOptions options_;
  ServerRound& round_;
  const ModelLayout& layout_;
  RunDirectory& directory_;
  ModelState model_;
  TrainingState state_;
  Healing healing_;
  std::uint64_t skipped_in_row_ = 0, skipped_ = 0;
  std::uint64_t skipped_here_ = 0;            ///< in a row, of the steps of this process
  std::optional<std::uint64_t> diverged_at_;  ///< the first step whose weights are not finite
  std::uint64_t first_step_;                  ///< that this process takes
  std::optional<std::uint64_t> saved_step_;
  StepDeadline deadline_;
  SimulatedTruth truth_;
  Journal metrics_, rounds_, suspicions_;
  LatencyJournal latency_;
  std::optional<Journal> attackers_;              ///< where there is a truth
  std::optional<CommitmentJournal> commitments_;  ///< where the round makes any
  std::optional<RunSignature> signature_;
  bool journals_fail_ = false, latency_fails_ = false;
  InJournals lost_;  ///< that lack the line about the attempt that it is
  std::uint64_t computed_ = 0;
  std::vector<std::size_t> used_;  ///< by step from first_step_: slices
  std::uint64_t server_was_alone_ = 0;
  std::optional<Evictions> evictions_;
  std::vector<std::uint32_t> readmitted_;  ///< that the next step's record has to say
  std::uint64_t quiet_steps_ = 0;
  double undetected_ = 1;
  bool told_nothing_compared_ = false;
  Ledger ledger_;
  Rejections rejections_;
  Progress progress_;
};

}  // namespace detox
