// All data sets. One entry a data set, sorted by name.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/assert.hpp"
#include "base/dataset.hpp"
#include "base/names.hpp"
#include "data/class_names.hpp"
#include "data/idx_set.hpp"
#include "data/image_dataset.hpp"
#include "data/image_folder.hpp"
#include "data/readers.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

struct Entry {
  DatasetInfo info;
  std::span<const std::string_view> class_names;
  Preparation preparation;
  Reader read;
  bool is_synthetic = false;  ///< its files have to say so
};

constexpr ImageShape kMnistShape{1, 28, 28}, kCifarShape{3, 32, 32};

constexpr Preparation kCifarPreparation{
    .mean = {125.3F / 255.0F, 123.0F / 255.0F, 113.9F / 255.0F},
    .deviation = {63.0F / 255.0F, 62.1F / 255.0F, 66.7F / 255.0F},
    .border = Border::kReflect,
    .flips = true};

constexpr Preparation kSvhnPreparation{.mean = {0.4914F, 0.4822F, 0.4465F},
                                       .deviation = {0.2023F, 0.1994F, 0.2010F},
                                       .border = Border::kZero};

constexpr std::array<Entry, 7> kEntries{{
    {.info = {.name = "Cifar10",
              .folder = "Cifar10",
              .system_folder = "",
              .summary = "60,000 colour images, 32 x 32, 10 classes (Krizhevsky 2009)",
              .source = "https://www.cs.toronto.edu/~kriz/cifar.html",
              .shape = kCifarShape,
              .classes = 10},
     .class_names = kCifar10Names,
     .preparation = kCifarPreparation,
     .read = read_cifar10},
    {.info = {.name = "Cifar100",
              .folder = "Cifar100",
              .system_folder = "",
              .summary = "60,000 colour images, 32 x 32, 100 classes (Krizhevsky 2009)",
              .source = "https://www.cs.toronto.edu/~kriz/cifar.html",
              .shape = kCifarShape,
              .classes = 100},
     .class_names = kCifar100Names,
     .preparation = kCifarPreparation,
     .read = read_cifar100},
    {.info = {.name = "FashionMNIST",
              .folder = "FashionMNIST",
              .system_folder = "/usr/share/datasets/fashion-mnist",
              .summary = "70,000 grey images of clothes, 28 x 28, 10 classes (Xiao et al. 2017)",
              .source = "https://github.com/zalandoresearch/fashion-mnist",
              .shape = kMnistShape,
              .classes = 10},
     .class_names = kClothesNames,
     .preparation = {.mean = {0.2860F}, .deviation = {0.3530F}},
     .read = read_mnist},
    {.info = {.name = "MNIST",
              .folder = "MNIST",
              .system_folder = "",
              .summary = "70,000 grey images of digits, 28 x 28, 10 classes (LeCun et al. 1998)",
              .source = "https://ossci-datasets.s3.amazonaws.com/mnist/",
              .shape = kMnistShape,
              .classes = 10},
     .class_names = kDigitNames,
     .preparation = {.mean = {0.1307F}, .deviation = {0.3081F}},
     .read = read_mnist},
    {.info = {.name = "SVHN",
              .folder = "SVHN",
              .system_folder = "",
              .summary =
                  "99,289 colour images of house numbers' digits, 32 x 32 (Netzer et al. 2011)",
              .source = "http://ufldl.stanford.edu/housenumbers/",
              .shape = kCifarShape,
              .classes = 10},
     .class_names = kDigitNames,
     .preparation = kSvhnPreparation,
     .read = read_svhn},
    {.info = {.name = "synthetic-cifar10",
              .folder = "synthetic-cifar10",
              .system_folder = "",
              .summary = "generated colour images in the files of Cifar10, 10 classes",
              .source = "detoxml data prepare synthetic-cifar10",
              .shape = kCifarShape,
              .classes = 10},
     .class_names = kSynthetic10Names,
     .preparation = kCifarPreparation,
     .read = read_cifar10,
     .is_synthetic = true},
    {.info = {.name = "synthetic-cifar100",
              .folder = "synthetic-cifar100",
              .system_folder = "",
              .summary = "generated colour images in the files of Cifar100, 100 classes",
              .source = "detoxml data prepare synthetic-cifar100",
              .shape = kCifarShape,
              .classes = 100},
     .class_names = kSynthetic100Names,
     .preparation = kCifarPreparation,
     .read = read_cifar100,
     .is_synthetic = true},
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
  LabelledImages images = entry.read(info, data_dir, split);
  if (entry.is_synthetic && !images.is_synthetic) {
    throw InputError(
        fmt::format("{}: the files found do not say that they were generated (no SYNTHETIC.txt); "
                    "{} writes the right ones",
                    info.name, info.source));
  }
  return make_image_dataset({.name = std::string(info.name),
                             .shape = info.shape,
                             .class_names = {entry.class_names.begin(), entry.class_names.end()},
                             .preparation = entry.preparation,
                             .augments = split == Split::kTrain},
                            std::move(images));
}

DatasetChoice choose_dataset(std::string_view given) {
  for (const DatasetInfo& info : datasets()) {
    if (canonical_name(info.name) == canonical_name(given)) return {&info, std::string(info.name)};
  }
  std::error_code ignored;
  if (given.find('/') != std::string_view::npos || std::filesystem::is_directory(given, ignored)) {
    return {nullptr, std::string(given)};
  }
  try {
    find_dataset(given);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format(
        "{}, or the path of a folder of images or IDX files (with a slash)", error.what()));
  }
  return {};
}

std::unique_ptr<Dataset> load_dataset(std::string_view given, const std::filesystem::path& data_dir,
                                      Split split, std::size_t image_size) {
  const DatasetChoice choice = choose_dataset(given);
  const auto check_size = [&](const ImageShape& shape) {
    if (image_size == kDefaultImageSize || image_size == shape.height) return;
    throw UsageError(fmt::format("--image-size {} is for image folders; {} has {} x {} pixels",
                                 image_size, choice.name, shape.height, shape.width));
  };
  if (choice.info != nullptr) {
    check_size(choice.info->shape);
    return load_dataset(*choice.info, data_dir, split);
  }
  if (!is_idx_set(choice.name)) return load_image_folder(choice.name, split, image_size);
  std::unique_ptr<Dataset> data = load_idx_set(choice.name, split);
  check_size(data->shape());
  return data;
}

}  // namespace detox
