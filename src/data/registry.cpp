// All data sets. One entry a data set, sorted by name.
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "base/names.hpp"
#include "data/class_names.hpp"
#include "data/image_dataset.hpp"
#include "data/readers.hpp"
#include "detox/dataset.hpp"

namespace detox {
namespace {

struct Entry {
  DatasetInfo info;
  std::span<const std::string_view> class_names;
  Preparation preparation;
  Reader read;
};

constexpr ImageShape kMnistShape{1, 28, 28};

constexpr std::array<Entry, 2> kEntries{{
    {{.name = "FashionMNIST",
      .folder = "FashionMNIST",
      .system_folder = "/usr/share/datasets/fashion-mnist",
      .summary = "70,000 grey images of clothes, 28 x 28, 10 classes (Xiao et al. 2017)",
      .source = "https://github.com/zalandoresearch/fashion-mnist",
      .shape = kMnistShape,
      .classes = 10},
     kClothesNames,
     {.mean = {0.2860F}, .deviation = {0.3530F}},
     read_mnist},
    {{.name = "MNIST",
      .folder = "MNIST",
      .system_folder = "",
      .summary = "70,000 grey images of digits, 28 x 28, 10 classes (LeCun et al. 1998)",
      .source = "http://yann.lecun.com/exdb/mnist",
      .shape = kMnistShape,
      .classes = 10},
     kDigitNames,
     {.mean = {0.1307F}, .deviation = {0.3081F}},
     read_mnist},
}};

constexpr auto kInfos = [] {
  std::array<DatasetInfo, kEntries.size()> infos{};
  for (std::size_t i = 0; i < infos.size(); ++i) infos[i] = kEntries[i].info;
  return infos;
}();

const Entry& entry_of(const DatasetInfo& info) {
  std::size_t index = 0;
  while (index < kEntries.size() && kEntries[index].info.name != info.name) ++index;
  DETOX_ASSERT(index < kEntries.size());
  return kEntries[index];
}

}  // namespace

std::span<const DatasetInfo> datasets() { return kInfos; }

const DatasetInfo& find_dataset(std::string_view name) {
  return find_by_name("data set", name, datasets());
}

std::unique_ptr<Dataset> load_dataset(const DatasetInfo& info,
                                      const std::filesystem::path& data_dir, Split split) {
  const Entry& entry = entry_of(info);
  return make_image_dataset({.name = std::string(info.name),
                             .shape = info.shape,
                             .class_names = {entry.class_names.begin(), entry.class_names.end()},
                             .preparation = entry.preparation,
                             .augments = split == Split::kTrain},
                            entry.read(info, data_dir, split));
}

}  // namespace detox
