#include "stages/assign/slice_schedule.hpp"

#include <algorithm>
#include <numeric>

#include "base/assert.hpp"

namespace detox {

SliceSchedule::SliceSchedule(std::size_t samples, std::size_t slices, std::size_t per_step,
                             const Key& key)
    : slices_(slices), per_step_(per_step), key_(key), permutation_(samples) {
  DETOX_ASSERT(slices >= 1 && per_step >= slices && per_step <= samples);
}

std::uint64_t SliceSchedule::steps_per_epoch() const { return permutation_.size() / per_step_; }

std::uint64_t SliceSchedule::epoch(std::uint64_t step) const {
  DETOX_ASSERT(step >= 1);
  return (step - 1) / steps_per_epoch();
}

std::size_t SliceSchedule::slice_size(std::size_t slice) const {
  return per_step_ / slices_ + (slice < per_step_ % slices_ ? 1 : 0);
}

void SliceSchedule::begin_step(std::uint64_t step) {
  if (epoch(step) != permuted_epoch_) {
    permuted_epoch_ = epoch(step);
    std::iota(permutation_.begin(), permutation_.end(), 0U);
    RandomStream(derive_key(key_, "epoch", {permuted_epoch_})).shuffle(permutation_);
  }
  step_begin_ = static_cast<std::size_t>((step - 1) % steps_per_epoch()) * per_step_;
}

std::size_t SliceSchedule::first_sample(std::size_t slice) const {
  return step_begin_ + slice * (per_step_ / slices_) + std::min(slice, per_step_ % slices_);
}

std::span<const std::uint32_t> SliceSchedule::samples(std::size_t slice) const {
  DETOX_ASSERT(slice < slices_ && permuted_epoch_ != ~std::uint64_t{0});
  return std::span(permutation_).subspan(first_sample(slice), slice_size(slice));
}

}  // namespace detox
