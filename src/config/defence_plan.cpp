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

}  // namespace detox
