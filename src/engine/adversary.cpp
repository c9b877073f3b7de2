#include "engine/adversary.hpp"

#include <algorithm>

namespace detox {

Adversary::Adversary(const AttackPlan& plan, const Key& attack_key)
    : plan_(plan), key_(attack_key), attack_(find_attack(plan.attack).make(plan.options)) {
  if (plan.defence)
    defence_ = std::make_unique<DefenceModel>(*plan.defence, derive_key(attack_key, "buckets"));
}

std::vector<bool> Adversary::byzantine(std::uint64_t step, const Assignment& assignment) const {
  return byzantine_workers(plan_.schedule, plan_.byzantine, assignment, key_, step);
}

void Adversary::corrupt(const Scene& scene, std::size_t slice, const AnswerFormat& format,
                        AnswerSlot& out, ThreadPool& pool) const {
  const AnswerSlot* own = scene.honest[slice];
  const std::size_t attacked = format.d() + (plan_.statistics ? format.s() : 0);
  AttackInput input;
  input.step = scene.step;
  input.slice = slice;
  input.rows = plan_.rule_rows;
  input.corrupted = std::min(scene.owned.size(), plan_.rule_rows);
  input.key = key_;
  input.owned = scene.owned;
  std::vector<const float*> rows;
  if (own != nullptr) {
    const std::span<const float> values = format.values(*own);
    input.own = values.first(attacked);
    std::copy(values.begin() + static_cast<std::ptrdiff_t>(attacked), values.end(),
              format.values(out).begin() + static_cast<std::ptrdiff_t>(attacked));
    out.tally = own->tally;
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
