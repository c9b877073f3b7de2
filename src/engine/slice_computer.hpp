// The honest work of a worker: a slice's batch -> gradient, statistics and tally.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/learner.hpp"
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

  /// The same, but for the tally, which stays.
  void compute_values(const Batch& batch, std::span<const float> parameters,
                      std::span<const float> statistics, const AnswerFormat& format,
                      AnswerSlot& slot) {
    const auto tally = slot.tally;
    compute(batch, parameters, statistics, format, slot);
    slot.tally = tally;
  }

  /// That for label classes - 1 - y in the place of y.
  void compute_flipped(const Batch& batch, std::size_t classes, std::span<const float> parameters,
                       std::span<const float> statistics, const AnswerFormat& format,
                       AnswerSlot& slot) {
    flipped_.clear();
    for (const std::int64_t label : batch.labels)
      flipped_.push_back(static_cast<std::int64_t>(classes) - 1 - label);
    Batch other = batch;
    other.labels = flipped_;
    compute_values(other, parameters, statistics, format, slot);
  }

  const Learner& learner() const { return *learner_; }

 private:
  std::unique_ptr<Learner> learner_;
  std::vector<std::int64_t> flipped_;
};

}  // namespace detox
