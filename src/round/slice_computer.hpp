// The honest work of a worker: a slice's batch -> gradient, statistics and tally.
#pragma once

#include <memory>
#include <span>

#include "detox/learner.hpp"
#include "round/answer_format.hpp"

namespace detox {

/// One learner; one thread.
class SliceComputer {
 public:
  explicit SliceComputer(std::unique_ptr<Learner> learner) : learner_(std::move(learner)) {}

  /// Fills the slot's values and tally. A pure function of its arguments.
  void compute(const Batch& batch, std::span<const float> parameters,
               std::span<const float> statistics, const AnswerFormat& format, AnswerSlot& slot) {
    const std::span<float> out = format.values(slot);
    const BatchResult result = learner_->gradient(parameters, statistics, batch,
                                                  out.first(format.d()), out.subspan(format.d()));
    slot.tally = {result.loss_sum, result.correct};
  }

  const Learner& learner() const { return *learner_; }

 private:
  std::unique_ptr<Learner> learner_;
};

}  // namespace detox
