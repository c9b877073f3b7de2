#include "engine/open_slices.hpp"

#include <algorithm>
#include <utility>

namespace detox {

void OpenSlices::begin(std::size_t slices, std::vector<bool> awaited) {
  awaited_ = std::move(awaited);
  owed_.resize(awaited_.size());
  for (std::vector<std::uint32_t>& owed : owed_) owed.clear();
  closed_.assign(slices, false);
  missing_.assign(slices, 0);
  waiting_ = 0;
}

void OpenSlices::one_more(std::uint32_t slice) {
  if (!closed_[slice] && ++missing_[slice] == 1) ++waiting_;
}

void OpenSlices::one_less(std::uint32_t slice) {
  if (missing_[slice] > 0 && --missing_[slice] == 0) --waiting_;
}

void OpenSlices::order(std::uint32_t worker, std::uint32_t slice) {
  owed_[worker].push_back(slice);
  if (awaited_[worker]) one_more(slice);
}

void OpenSlices::answered(std::uint32_t worker, std::uint32_t slice) {
  if (std::erase(owed_[worker], slice) > 0 && awaited_[worker]) one_less(slice);
}

void OpenSlices::await(std::uint32_t worker) {
  if (awaited_[worker]) return;
  awaited_[worker] = true;
  for (const std::uint32_t slice : owed_[worker]) one_more(slice);
}

void OpenSlices::forget(std::uint32_t worker) {
  if (!awaited_[worker]) return;
  awaited_[worker] = false;
  for (const std::uint32_t slice : owed_[worker]) one_less(slice);
}

void OpenSlices::close(std::uint32_t slice) {
  closed_[slice] = true;
  if (std::exchange(missing_[slice], 0) > 0) --waiting_;
}

void OpenSlices::reopen(std::uint32_t slice) {
  if (!closed_[slice]) return;
  closed_[slice] = false;
  for (std::size_t worker = 0; worker < owed_.size(); ++worker) {
    const bool owes = std::ranges::find(owed_[worker], slice) != owed_[worker].end();
    if (owes && awaited_[worker]) one_more(slice);
  }
}

}  // namespace detox
