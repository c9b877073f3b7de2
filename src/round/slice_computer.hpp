// The honest work of a worker: samples of a slice -> gradient, statistics and tally.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "detox/dataset.hpp"
#include "detox/learner.hpp"
#include "round/answer_format.hpp"

namespace detox {

/// One learner and its batch memory; one thread. The data set outlives it.
class SliceComputer {
 public:
  SliceComputer(std::unique_ptr<Learner> learner, const Dataset& data, const Key& data_key);

  /// Fills the slot's values and tally. A pure function of its arguments and the data key.
  void compute(std::span<const std::uint32_t> samples, std::uint64_t epoch,
               std::span<const float> parameters, std::span<const float> statistics,
               const AnswerFormat& format, AnswerSlot& slot);

  Learner& learner() { return *learner_; }

 private:
  std::unique_ptr<Learner> learner_;
  const Dataset& data_;
  Key augmentation_key_;
  std::vector<float> images_;
  std::vector<std::int64_t> labels_;
};

}  // namespace detox
