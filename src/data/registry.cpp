// All data sets. One entry a data set, sorted by name.
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "base/names.hpp"
#include "data/image_dataset.hpp"
#include "data/locate.hpp"
#include "detox/dataset.hpp"

namespace detox {
namespace {

constexpr ImageShape kMnistShape{1, 28, 28};

constexpr std::array<DatasetInfo, 2> kDatasets{{
    {.name = "FashionMNIST",
     .folder = "FashionMNIST",
     .system_folder = "/usr/share/datasets/fashion-mnist",
     .summary = "70,000 grey images of clothes, 28 x 28, 10 classes (Xiao et al. 2017)",
     .source = "https://github.com/zalandoresearch/fashion-mnist",
     .shape = kMnistShape,
     .classes = 10},
    {.name = "MNIST",
     .folder = "MNIST",
     .system_folder = "",
     .summary = "70,000 grey images of digits, 28 x 28, 10 classes (LeCun et al. 1998)",
     .source = "http://yann.lecun.com/exdb/mnist",
     .shape = kMnistShape,
     .classes = 10},
}};

constexpr std::array<Normalisation, kDatasets.size()> kNormalisations{{
    {0.2860F, 0.3530F},
    {0.1307F, 0.3081F},
}};

}  // namespace

std::span<const DatasetInfo> datasets() { return kDatasets; }

const DatasetInfo& find_dataset(std::string_view name) {
  return find_by_name("data set", name, datasets());
}

std::unique_ptr<Dataset> load_dataset(const DatasetInfo& info,
                                      const std::filesystem::path& data_dir, Split split) {
  std::size_t index = 0;
  while (index < kDatasets.size() && kDatasets[index].name != info.name) ++index;
  DETOX_ASSERT(index < kDatasets.size());

  const std::string prefix = split == Split::kTrain ? "train" : "t10k";
  const std::vector<std::filesystem::path> paths =
      locate_files(info, data_dir, {prefix + "-images-idx3-ubyte", prefix + "-labels-idx1-ubyte"});
  const std::vector<std::uint32_t> image = {static_cast<std::uint32_t>(info.shape.height),
                                            static_cast<std::uint32_t>(info.shape.width)};
  // Labels first: they are small, and as often wrong.
  IdxArray labels = read_idx_file(paths[1], {});
  IdxArray images = read_idx_file(paths[0], image);
  return make_image_dataset(
      info.shape, info.classes, kNormalisations[index],
      {paths[0].string(), paths[1].string(), std::move(images), std::move(labels)});
}

}  // namespace detox
