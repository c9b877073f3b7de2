// A data set of small images that fits in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/dataset.hpp"
#include "data/preparation.hpp"

namespace detox {

/// What a reader gives. Every label is below the number of classes: the reader has checked that,
/// because it knows the file's name.
struct LabelledImages {
  std::vector<std::uint8_t> pixels;   ///< (samples, channels, height, width)
  std::vector<std::uint16_t> labels;  ///< one a sample
  bool is_synthetic = false;          ///< the files say that they were generated
};

/// What the data set is besides its samples.
struct ImageDatasetFacts {
  std::string name;
  ImageShape shape;
  std::vector<std::string> class_names;
  Preparation preparation;
  bool augments = false;  ///< the preparation's augmentation too: the training split
};

std::unique_ptr<Dataset> make_image_dataset(ImageDatasetFacts facts, LabelledImages images);

}  // namespace detox
