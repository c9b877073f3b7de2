#include "base/assignment.hpp"

#include <algorithm>
#include <utility>

namespace detox {

bool Assignment::is_assigned(std::uint32_t worker, std::uint32_t slice) const {
  return std::ranges::binary_search(slices_of_worker[worker], slice);
}

std::span<const std::uint32_t> Assignment::spares(std::uint32_t slice) const {
  if (slice >= spares_of_slice.size()) return {};
  return spares_of_slice[slice];
}

bool Assignment::is_spare(std::uint32_t worker, std::uint32_t slice) const {
  return std::ranges::find(spares(slice), worker) != spares(slice).end();
}

Assignment assignment_of(std::vector<std::vector<std::uint32_t>> lists, std::size_t workers) {
  Assignment assignment{.workers_of_slice = std::move(lists), .slices_of_worker = {}};
  assignment.slices_of_worker.resize(workers);
  for (std::uint32_t slice = 0; slice < assignment.slices(); ++slice) {
    for (const std::uint32_t worker : assignment.workers_of_slice[slice])
      assignment.slices_of_worker[worker].push_back(slice);
  }
  return assignment;
}

}  // namespace detox
