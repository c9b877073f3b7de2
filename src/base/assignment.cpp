#include "base/assignment.hpp"

#include <algorithm>
#include <utility>

namespace detox {

bool Assignment::is_assigned(std::uint32_t worker, std::uint32_t slice) const {
  return std::ranges::binary_search(slices_of_worker[worker], slice);
}

bool Assignment::is_spare(std::uint32_t worker, std::uint32_t slice) const {
  return slice < spares_of_slice.size() &&
         std::ranges::find(spares_of_slice[slice], worker) != spares_of_slice[slice].end();
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
