#include "engine/adversary.hpp"

#include <algorithm>

#include "config/own_attack.hpp"

namespace detox {

bool StepLies::tells(const SliceOrder& copy) const {
  if (copy.slice >= liars.size() || copy.worker == kTheServer) return false;
  if (std::ranges::find(liars[copy.slice], copy.worker) != liars[copy.slice].end()) return true;
  return asked_later && asked_later(copy);
}

Adversary::Adversary(const AttackPlan& plan, const Key& attack_key)
    : plan_(plan), key_(attack_key), attack_(attack_named(plan.attack).make(plan.options)) {
  if (plan.defence)
    defence_ = std::make_unique<DefenceModel>(*plan.defence, derive_key(attack_key, "buckets"));
}

std::vector<bool> Adversary::byzantine(std::uint64_t step, const Assignment& assignment) const {
  return byzantine_workers(plan_.schedule, plan_.byzantine, assignment, key_, step);
}

StepLies Adversary::lies(std::uint64_t step, const Assignment& assignment,
                         const std::vector<bool>& away) const {
  const std::vector<bool> liars = byzantine(step, assignment);
  const std::size_t slices = assignment.slices();
  StepLies lies;
  lies.silent = silent_workers(plan_.occasions, liars, key_, step);
  lies.liars.resize(slices);
  const StepPeople people{step, key_, liars, lies.silent};
  const auto does_nothing = [this, step, slices, away](const SliceOrder& copy) {
    return (!away.empty() && away[copy.worker]) || !attack_->strikes(input_of(step, copy, slices));
  };
  for (std::uint32_t slice = 0; slice < slices && !attack_->is_honest(); ++slice) {
    const std::vector<std::uint32_t>& workers = assignment.workers_of_slice[slice];
    lies.liars[slice] = liars_about(plan_.occasions, people, slice, workers);
    std::erase_if(lies.liars[slice], [&](std::uint32_t worker) {
      return does_nothing({worker, slice});
    });
    const std::size_t alike = most_alike(step, slice, slices, lies.liars[slice]);
    const bool all_alike = alike == workers.size() && alike > 0;
    if (plan_.occasions.has_arbiter ? all_alike : 2 * alike > workers.size())
      lies.owned.push_back(slice);
  }
  if (plan_.occasions.has_arbiter && !attack_->is_honest()) {
    lies.asked_later = [this, step, &assignment, liars, silent = lies.silent,
                        does_nothing](const SliceOrder& copy) {
      const auto& workers = assignment.workers_of_slice[copy.slice];
      return liars[copy.worker] && !silent[copy.worker] &&
             std::ranges::find(workers, copy.worker) == workers.end() &&
             lies_later(plan_.occasions, {step, key_, liars, silent}, copy.slice) &&
             !does_nothing(copy);
    };
  }
  for (std::size_t worker = 0; worker < away.size(); ++worker)
    lies.silent[worker] = lies.silent[worker] && !away[worker];
  return lies;
}

std::size_t Adversary::most_alike(std::uint64_t step, std::uint32_t slice, std::size_t slices,
                                  const std::vector<std::uint32_t>& liars) const {
  if (attack_->colludes()) return liars.size();
  std::vector<StepSlice> batches;
  for (const std::uint32_t worker : liars) {
    const auto batch = other_batch(step, {worker, slice}, slices);
    if (batch) batches.push_back(*batch);
  }
  std::size_t most = std::min<std::size_t>(1, liars.size());
  for (const StepSlice& batch : batches)
    most = std::max(most, static_cast<std::size_t>(std::ranges::count(batches, batch)));
  return most;
}

AttackInput Adversary::input_of(std::uint64_t step, const SliceOrder& copy,
                                std::size_t slices) const {
  AttackInput input;
  input.step = step;
  input.slice = copy.slice;
  input.slices = slices;
  if (!attack_->colludes()) input.worker = copy.worker;
  input.key = key_;
  return input;
}

void Adversary::corrupt(const Scene& scene, const SliceOrder& copy, const AnswerFormat& format,
                        AnswerSlot& out, ThreadPool& pool) const {
  const AnswerSlot* honest = scene.honest[copy.slice];
  const std::size_t attacked = format.d() + (plan_.statistics ? format.s() : 0);
  AttackInput input = input_of(scene.step, copy, scene.honest.size());
  input.rows = plan_.rule_rows;
  input.corrupted = std::min(scene.owned.size(), plan_.rule_rows);
  input.owned = scene.owned;
  std::vector<const float*> rows;
  if (honest != nullptr) {
    const std::span<const float> values = format.values(*honest);
    input.own = scene.attacked != nullptr ? format.values(*scene.attacked).first(attacked)
                                          : values.first(attacked);
    std::copy(values.begin() + static_cast<std::ptrdiff_t>(attacked), values.end(),
              format.values(out).begin() + static_cast<std::ptrdiff_t>(attacked));
    out.tally = honest->tally;
  }
  if (scene.elsewhere != nullptr && attack_->same_in_every_slice()) {
    std::ranges::copy(format.values(*scene.elsewhere).first(attacked), format.values(out).begin());
    return;
  }
  if (needs_all_slices()) {
    for (const AnswerSlot* slot : scene.honest) rows.push_back(format.values(*slot).data());
    input.honest = Rows<float>{rows, attacked};
  }
  Workspace workspace;
  KnownDefence defence;
  if (defence_) {
    defence = defence_->at(scene.step, format, pool, workspace);
    input.defence = &defence;
  }
  attack_->corrupt(input, format.values(out).first(attacked), pool);
}

}  // namespace detox
