// A data set of small grey images that fits in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/idx.hpp"
#include "detox/dataset.hpp"

namespace detox {

/// How raw bytes become the values that a network sees: (x / 255 - mean) / deviation, in float32 as
/// PyTorch does it.
struct Normalisation {
  float mean = 0.0F;
  float deviation = 1.0F;
};

/// images (n, height, width) of one channel and labels (n). InputError where the counts differ or a
/// label is not below `classes`; the names open these messages.
struct ImageFiles {
  std::string images_name, labels_name;
  IdxArray images, labels;
};

std::unique_ptr<Dataset> make_image_dataset(ImageShape shape, std::size_t classes,
                                            const Normalisation& normalisation, ImageFiles files);

}  // namespace detox
