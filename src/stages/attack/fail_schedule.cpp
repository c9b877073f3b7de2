#include "stages/attack/fail_schedule.hpp"

#include <algorithm>
#include <numeric>

#include "base/assert.hpp"

namespace detox {
namespace {

std::vector<bool> random_set(std::size_t workers, std::size_t q, const Key& key) {
  std::vector<std::uint32_t> order(workers);
  std::iota(order.begin(), order.end(), 0U);
  RandomStream(key).shuffle(order);
  std::vector<bool> byzantine(workers);
  for (std::size_t i = 0; i < q; ++i) byzantine[order[i]] = true;
  return byzantine;
}

std::vector<bool> worst_case_set(const Assignment& assignment, std::size_t q) {
  // The cheapest majorities first: greedy is optimal where nobody has two slices, because every
  // slice counts the same. Where workers have several, those bought count in the next slice as
  // well.
  std::vector<std::size_t> slices(assignment.slices());
  std::iota(slices.begin(), slices.end(), std::size_t{0});
  std::stable_sort(slices.begin(), slices.end(), [&](std::size_t a, std::size_t b) {
    return assignment.workers_of_slice[a].size() < assignment.workers_of_slice[b].size();
  });
  std::vector<bool> byzantine(assignment.workers());
  std::size_t left = q;
  for (const std::size_t slice : slices) {
    const auto& group = assignment.workers_of_slice[slice];
    auto owned = static_cast<std::size_t>(
        std::ranges::count_if(group, [&](std::uint32_t worker) { return byzantine[worker]; }));
    for (std::size_t i = 0; i < group.size() && owned < group.size() / 2 + 1 && left > 0; ++i) {
      if (byzantine[group[i]]) continue;
      byzantine[group[i]] = true;
      ++owned, --left;
    }
  }
  for (std::size_t worker = 0; worker < byzantine.size() && left > 0; ++worker) {
    if (byzantine[worker]) continue;
    byzantine[worker] = true;
    --left;
  }
  return byzantine;
}

}  // namespace

std::vector<bool> byzantine_workers(FailSchedule schedule, std::size_t q,
                                    const Assignment& assignment, const Key& key,
                                    std::uint64_t step) {
  DETOX_ASSERT(q <= assignment.workers());
  switch (schedule) {
    case FailSchedule::kPerStep:
      return random_set(assignment.workers(), q, derive_key(key, "fail", {step}));
    case FailSchedule::kFixed:
      return random_set(assignment.workers(), q, derive_key(key, "fail"));
    case FailSchedule::kWorstCase:
      return worst_case_set(assignment, q);
    case FailSchedule::kAuto:
      break;
  }
  DETOX_ASSERT(false);
}

std::vector<std::uint32_t> owned_slices(const Assignment& assignment,
                                        const std::vector<bool>& byzantine) {
  std::vector<std::uint32_t> slices;
  for (std::uint32_t slice = 0; slice < assignment.slices(); ++slice) {
    const auto& group = assignment.workers_of_slice[slice];
    const auto owned =
        std::count_if(group.begin(), group.end(), [&](std::uint32_t w) { return byzantine[w]; });
    if (2 * static_cast<std::size_t>(owned) > group.size()) slices.push_back(slice);
  }
  return slices;
}

std::size_t corrupted_slices(const Assignment& assignment, const std::vector<bool>& byzantine) {
  return owned_slices(assignment, byzantine).size();
}

}  // namespace detox
