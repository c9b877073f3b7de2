// Step "assign": which samples make up slice j of step t. Pure, apart from remembering the current
// epoch's permutation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "detox/random.hpp"

namespace detox {

/// One permutation of the training set an epoch; step t (from 1) takes the next samples, slice j
/// the j-th part of them. A step that would cross the epoch's end is not taken. Not thread-safe;
/// begin_step() comes first.
class SliceSchedule {
 public:
  /// `samples` in the data set, `slices` k, `per_step` samples of one step over all slices (>= k,
  /// <= samples).
  SliceSchedule(std::size_t samples, std::size_t slices, std::size_t per_step, const Key& key);

  std::uint64_t steps_per_epoch() const;
  std::uint64_t epoch(std::uint64_t step) const;  ///< from 0
  std::size_t slice_size(
      std::size_t slice) const;  ///< sizes differ by one at most, the first the larger
  void begin_step(std::uint64_t step);
  std::span<const std::uint32_t> samples(
      std::size_t slice) const;  ///< of the step begun; valid until the next begin_step

 private:
  std::size_t first_sample(std::size_t slice) const;

  std::size_t slices_, per_step_;
  Key key_;
  std::vector<std::uint32_t> permutation_;
  std::uint64_t permuted_epoch_ = ~std::uint64_t{0};
  std::size_t step_begin_ = 0;
};

}  // namespace detox
