#include "engine/slice_batch.hpp"

#include <span>

namespace detox {

SliceReader::SliceReader(const Dataset& data, const SliceSchedule& schedule, const Key& data_key)
    : data_(data),
      schedule_(schedule),
      augmentation_key_(derive_key(data_key, "augmentation")),
      draws_key_(derive_key(data_key, "draws")) {}

void SliceReader::begin_step(std::uint64_t step) {
  step_ = step;
  schedule_.begin_step(step);
}

void SliceReader::read(std::size_t slice, SliceBatch& batch) const {
  const auto samples = schedule_.samples(slice);
  const std::size_t values = data_.shape().values();
  batch.images.resize(samples.size() * values);
  batch.labels.resize(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    data_.read(samples[i], schedule_.epoch(step_), augmentation_key_,
               std::span(batch.images).subspan(i * values, values));
    batch.labels[i] = data_.label(samples[i]);
  }
  batch.draws = RandomStream(derive_key(draws_key_, "slice", {step_, slice})).next();
}

}  // namespace detox
