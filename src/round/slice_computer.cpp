#include "round/slice_computer.hpp"

#include <utility>

namespace detox {

SliceComputer::SliceComputer(std::unique_ptr<Learner> learner, const Dataset& data,
                             const Key& data_key)
    : learner_(std::move(learner)),
      data_(data),
      augmentation_key_(derive_key(data_key, "augmentation")) {}

void SliceComputer::compute(std::span<const std::uint32_t> samples, std::uint64_t epoch,
                            std::span<const float> parameters, std::span<const float> statistics,
                            const AnswerFormat& format, AnswerSlot& slot) {
  const std::size_t values = data_.shape().values();
  images_.resize(samples.size() * values);
  labels_.resize(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    data_.read(samples[i], epoch, augmentation_key_,
               std::span(images_).subspan(i * values, values));
    labels_[i] = data_.label(samples[i]);
  }
  const std::span<float> out = format.values(slot);
  const BatchResult result = learner_->gradient(parameters, statistics, Batch{images_, labels_},
                                                out.first(format.d()), out.subspan(format.d()));
  slot.tally = {result.loss_sum, result.correct};
}

}  // namespace detox
