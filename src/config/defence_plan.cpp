#include "config/defence_plan.hpp"

namespace detox {

Assignment DefencePlan::assign(const Key& key, std::uint64_t step) const {
  Assignment assignment =
      random_placement ? detox::random_placement(seating(), key, step) : fixed_placement(seating());
  // Where a drawn placement overlaps, so is the order, and the first places are dealt evenly.
  const bool is_drawn = random_placement && seating().overlaps();
  if (is_lazy && !is_drawn) draw_order(assignment, key, step);
  return assignment;
}

Assignment DefencePlan::deal(const Key& key, std::uint64_t round, const std::vector<bool>& away,
                             std::size_t out) const {
  return detox::deal(arbitrated->dealing, away, out, arbitrated->spares(), key, round);
}

std::vector<bool> DefencePlan::rechecked(const Key& key, std::uint64_t round) const {
  std::vector<bool> rechecked(k);
  if (arbitrated->recheck <= 0) return rechecked;
  RandomStream stream(derive_key(key, "recheck", {round}));
  for (std::size_t slice = 0; slice < k; ++slice)
    rechecked[slice] = stream.uniform() < arbitrated->recheck;
  return rechecked;
}

}  // namespace detox
