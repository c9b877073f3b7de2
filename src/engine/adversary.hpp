// The simulated attackers of a run, on the workers' side: who is Byzantine in a step and what the
// colluders of a slice send. The server holds none of this.
#pragma once

#include <memory>
#include <vector>

#include "base/assignment.hpp"
#include "config/attack_plan.hpp"
#include "engine/defence_model.hpp"
#include "round/answer_format.hpp"
#include "stages/attack/attack.hpp"

namespace detox {

/// Immutable.
class Adversary {
 public:
  Adversary(const AttackPlan& plan, const Key& attack_key);

  bool active() const { return plan_.byzantine > 0 && !attack_->is_honest(); }
  bool needs_all_slices() const { return attack_->needs_all_slices(); }

  bool flips_labels() const { return attack_->flips_labels(); }
  /// Whether it is when they answer that is wrong, and not what: then nothing has to be corrupted.
  bool delays() const { return attack_->delay_s() > 0; }
  double delay_s() const { return attack_->delay_s(); }

  /// True for the Byzantine workers of this step.
  std::vector<bool> byzantine(std::uint64_t step, const Assignment& assignment) const;

  struct Scene {
    std::uint64_t step;
    const std::vector<std::uint32_t>& owned;  ///< slices that they own in this step, ascending
    /// Of each slice; null where the attack does not need it. Where it flips_labels, what the
    /// attacked slice gives for the other labels.
    const std::vector<const AnswerSlot*>& honest;
    /// What the colluders of another slice send in this step, where that is known already.
    const AnswerSlot* elsewhere = nullptr;
  };
  /// Writes what the colluders of `slice` send into `out`: corrupt values, the honest tally.
  void corrupt(const Scene& scene, std::size_t slice, const AnswerFormat& format, AnswerSlot& out,
               ThreadPool& pool) const;

 private:
  AttackPlan plan_;
  Key key_;
  std::unique_ptr<Attack> attack_;
  std::unique_ptr<DefenceModel> defence_;  ///< null unless the attack probes it
};

}  // namespace detox
