#include "config/missing_workers.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "stages/assign/placement.hpp"
#include "stages/bucket/hierarchy.hpp"

namespace detox {

std::vector<std::uint32_t> least_missed(const Plan& plan, std::size_t count) {
  DETOX_ASSERT(count <= plan.workers);
  auto groups = fixed_placement(plan.seating()).workers_of_slice;
  const Hierarchy hierarchy(plan.hierarchy);
  const std::size_t spared =
      hierarchy.trusts_a_row() ? plan.hierarchy.rule.reference_row : groups.size();
  std::vector<std::uint32_t> missing;
  missing.reserve(count);
  while (missing.size() < count) {
    std::size_t fullest = groups.size();
    for (std::size_t i = groups.size(); i-- > 0;) {
      if (groups[i].empty() || i == spared) continue;
      if (fullest == groups.size() || groups[i].size() > groups[fullest].size()) fullest = i;
    }
    if (fullest == groups.size()) fullest = spared;
    missing.push_back(groups[fullest].back());
    groups[fullest].pop_back();
  }
  std::ranges::sort(missing);
  return missing;
}

std::vector<std::uint32_t> missing_workers(const Plan& plan, std::span<const int> ranks) {
  const bool are_too_high = !ranks.empty() && static_cast<std::size_t>(ranks.back()) > plan.workers;
  if (!plan.arbitrated || are_too_high) return least_missed(plan, plan.workers - ranks.size());
  std::vector<std::uint32_t> missing;
  for (std::uint32_t worker = 0; worker < plan.workers; ++worker) {
    if (!std::ranges::binary_search(ranks, static_cast<int>(worker) + 1)) missing.push_back(worker);
  }
  return missing;
}

bool is_always_unmet(const Plan& plan) { return !plan.random_placement || plan.r == 1; }

std::string unmet_without(const Plan& plan, std::span<const std::uint32_t> missing) {
  const Hierarchy hierarchy(plan.hierarchy);
  if (plan.random_placement) {
    const std::size_t lost =
        std::min(plan.k, effective_corruption(missing.size(), plan.r, plan.seating().lists()));
    return hierarchy.unmet_requirement(std::min(plan.num_aggregate, plan.k - lost));
  }
  std::vector<std::uint32_t> resolved;
  const Assignment groups = fixed_placement(plan.seating());
  for (std::uint32_t slice = 0; slice < plan.k; ++slice) {
    const auto& group = groups.workers_of_slice[slice];
    const auto gone = std::ranges::count_if(
        group, [&](std::uint32_t worker) { return std::ranges::binary_search(missing, worker); });
    if (2 * (group.size() - static_cast<std::size_t>(gone)) > group.size())
      resolved.push_back(slice);
  }
  if (plan.num_aggregate < resolved.size()) return hierarchy.unmet_requirement(plan.num_aggregate);
  return hierarchy.unmet_requirement(resolved);
}

}  // namespace detox
