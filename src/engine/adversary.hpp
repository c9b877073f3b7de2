// The simulated attackers of a run, on the workers' side: who is Byzantine in a step and what the
// colluders of a slice send. The server holds none of this.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/assignment.hpp"
#include "config/attack_plan.hpp"
#include "engine/defence_model.hpp"
#include "exchange/step_votes.hpp"
#include "round/answer_format.hpp"
#include "stages/attack/attack.hpp"

namespace detox {

/// What the Byzantine workers of one step do.
struct StepLies {
  std::vector<std::vector<std::uint32_t>> liars;  ///< by slice, in the order of its list
  std::vector<std::uint32_t> owned;  ///< slices of which most copies are the same lie, ascending
  std::vector<bool> silent;          ///< by worker: says nothing
  /// Whether somebody lies who is asked for a slice that others have: empty where nobody is.
  std::function<bool(const SliceOrder& copy)> asked_later;

  bool tells(const SliceOrder& copy) const;
  bool is_silent(std::uint32_t worker) const { return worker < silent.size() && silent[worker]; }
};

/// Immutable.
class Adversary {
 public:
  Adversary(const AttackPlan& plan, const Key& attack_key);

  bool active() const {
    return plan_.byzantine > 0 && (!attack_->is_honest() || plan_.occasions.silent_rate > 0);
  }
  /// Whether what they answer is wrong some time, and not only when or whether.
  bool corrupts() const { return plan_.byzantine > 0 && !attack_->is_honest() && !delays(); }
  bool needs_all_slices() const { return attack_->needs_all_slices(); }

  bool flips_labels() const { return attack_->flips_labels(); }
  bool colludes() const { return attack_->colludes(); }
  /// Whether it is when they answer that is wrong, and not what: then nothing has to be corrupted.
  bool delays() const { return attack_->delay_s() > 0; }
  double delay_s() const { return attack_->delay_s(); }

  /// True for the Byzantine workers of this step.
  std::vector<bool> byzantine(std::uint64_t step, const Assignment& assignment) const;

  /// What they do in this step. Who is `away`, by worker, does nothing; the others do not know. The
  /// assignment outlives what is returned.
  StepLies lies(std::uint64_t step, const Assignment& assignment,
                const std::vector<bool>& away = {}) const;

  /// Other samples that the attacked values of a copy are those of; `slices`: k.
  std::optional<StepSlice> other_batch(std::uint64_t step, const SliceOrder& copy,
                                       std::size_t slices) const {
    return attack_->other_batch(input_of(step, copy, slices));
  }

  struct Scene {
    std::uint64_t step;
    const std::vector<std::uint32_t>& owned;  ///< slices that they own in this step, ascending
    /// Of each slice; null where the attack does not need it.
    const std::vector<const AnswerSlot*>& honest;
    /// Where it flips_labels, what the attacked slice gives for the other labels; where it has an
    /// other_batch, what that gives.
    const AnswerSlot* attacked = nullptr;
    /// What the colluders of another slice send in this step, where that is known already.
    const AnswerSlot* elsewhere = nullptr;
  };
  /// Writes what the worker sends of the slice into `out`: corrupt values, the honest tally. Where
  /// they collude it is the same for all of them.
  void corrupt(const Scene& scene, const SliceOrder& copy, const AnswerFormat& format,
               AnswerSlot& out, ThreadPool& pool) const;

 private:
  AttackInput input_of(std::uint64_t step, const SliceOrder& copy, std::size_t slices) const;
  /// How many of these liars of a slice send the same.
  std::size_t most_alike(std::uint64_t step, std::uint32_t slice, std::size_t slices,
                         const std::vector<std::uint32_t>& liars) const;

  AttackPlan plan_;
  Key key_;
  std::unique_ptr<Attack> attack_;
  std::unique_ptr<DefenceModel> defence_;  ///< null unless the attack probes it
};

}  // namespace detox
