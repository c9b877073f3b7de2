// MNIST and what copies its files: four IDX files, images and labels of each split.
#include <fmt/format.h>

#include <utility>

#include "data/idx.hpp"
#include "data/locate.hpp"
#include "data/readers.hpp"
#include "detox/errors.hpp"

namespace detox {

LabelledImages read_mnist(const DatasetInfo& info, const std::filesystem::path& data_dir,
                          Split split) {
  const std::string prefix = split == Split::kTrain ? "train" : "t10k";
  const FoundFiles found = locate_files(
      info, data_dir, {.names = {prefix + "-images-idx3-ubyte", prefix + "-labels-idx1-ubyte"}});
  const std::vector<std::filesystem::path>& paths = found.files;
  // Labels first: they are small, and as often wrong.
  const IdxArray labels = read_idx_file(paths[1], {});
  IdxArray images = read_idx_file(paths[0], {static_cast<std::uint32_t>(info.shape.height),
                                             static_cast<std::uint32_t>(info.shape.width)});
  if (images.samples != labels.samples) {
    throw InputError(fmt::format("{} holds {} images, but {} holds {} labels", paths[0].string(),
                                 images.samples, paths[1].string(), labels.samples));
  }
  for (std::size_t sample = 0; sample < labels.samples; ++sample) {
    const unsigned label = labels.values[sample];
    if (label >= info.classes) {
      throw InputError(
          fmt::format("{}: label {} of sample {} is out of range; valid in {}: 0 to {}; other IDX "
                      "sets are named by their folder: --dataset {}/",
                      paths[1].string(), label, sample, info.name, info.classes - 1,
                      paths[1].parent_path().string()));
    }
  }
  return {
      std::move(images.values), {labels.values.begin(), labels.values.end()}, found.is_synthetic};
}

}  // namespace detox
