// The input of one slice: its samples as a network takes them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "stages/assign/slice_schedule.hpp"

namespace detox {

/// Owns what a Batch views. Memory is kept from one filling to the next.
struct SliceBatch {
  std::vector<float> images;
  std::vector<std::int64_t> labels;
  std::uint64_t draws = 0;

  Batch batch() const { return {images, labels, draws}; }
};

/// Reads slices: a pure function of data, key, step and slice, so the same bytes wherever it is
/// computed. Not thread-safe. The data set outlives it.
class SliceReader {
 public:
  SliceReader(const Dataset& data, const SliceSchedule& schedule, const Key& data_key);

  void begin_step(std::uint64_t step);
  void read(std::size_t slice, SliceBatch& batch) const;  ///< of the step begun

 private:
  const Dataset& data_;
  SliceSchedule schedule_;
  Key augmentation_key_, draws_key_;
  std::uint64_t step_ = 0;
};

}  // namespace detox
