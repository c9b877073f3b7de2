#include "engine/open_slices.hpp"

#include <algorithm>
#include <utility>

namespace detox {

void OpenSlices::begin(const Assignment& assignment, std::vector<bool> awaited) {
  slice_of_worker_ = assignment.slice_of_worker.data();
  awaited_ = std::move(awaited);
  closed_.assign(assignment.slices(), false);
  missing_.assign(assignment.slices(), 0);
  for (std::size_t worker = 0; worker < awaited_.size(); ++worker)
    missing_[slice_of_worker_[worker]] += awaited_[worker] ? 1 : 0;
  waiting_ = missing_.size() - static_cast<std::size_t>(std::ranges::count(missing_, 0U));
}

void OpenSlices::await(std::uint32_t worker) {
  const std::uint32_t slice = slice_of_worker_[worker];
  if (awaited_[worker]) return;
  awaited_[worker] = true;
  if (!closed_[slice] && ++missing_[slice] == 1) ++waiting_;
}

void OpenSlices::forget(std::uint32_t worker) {
  if (!awaited_[worker]) return;
  awaited_[worker] = false;
  std::size_t& missing = missing_[slice_of_worker_[worker]];
  if (missing > 0 && --missing == 0) --waiting_;
}

void OpenSlices::close(std::uint32_t slice) {
  closed_[slice] = true;
  if (std::exchange(missing_[slice], 0) > 0) --waiting_;
}

}  // namespace detox
