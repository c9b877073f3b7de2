// Made-up images and labels, the same on every machine.
#pragma once

#include <vector>

#include "base/learner.hpp"

namespace detox::test {

struct Samples {
  std::vector<float> images;
  std::vector<std::int64_t> labels;
  Batch batch() const { return {images, labels}; }
};

/// Standard normal values; every class has a bright spot of its own, so that there is something to
/// learn.
inline Samples made_up_samples(std::size_t count, ImageShape shape, std::size_t classes,
                               std::uint64_t seed) {
  RandomStream stream(derive_key(key_from_seed(seed), "test samples"));
  Samples samples{std::vector<float>(count * shape.values()), std::vector<std::int64_t>(count)};
  stream.fill_normal(samples.images);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t label = stream.below(classes);
    samples.labels[i] = static_cast<std::int64_t>(label);
    const std::size_t start = i * shape.values() + label * (shape.values() / classes);
    for (std::size_t j = start; j < start + shape.values() / classes; ++j)
      samples.images[j] += 1.0F;
  }
  return samples;
}

constexpr ImageShape kGrey28{1, 28, 28}, kColour32{3, 32, 32};

}  // namespace detox::test
