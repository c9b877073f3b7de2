// One reader a file format: the files of a registered data set -> its images and labels.
#pragma once

#include <filesystem>

#include "base/dataset.hpp"
#include "data/image_dataset.hpp"

namespace detox {

/// Finds the files of one split (data_folders in locate.hpp) and reads them. InputError that says
/// what is missing or damaged, where, and what to put there. Nothing in a file is trusted for a
/// size: memory grows with the bytes that come, up to what the format's own limits allow.
using Reader = LabelledImages (*)(const DatasetInfo& info, const std::filesystem::path& data_dir,
                                  Split split);

LabelledImages read_mnist(const DatasetInfo& info, const std::filesystem::path& data_dir,
                          Split split);

LabelledImages read_cifar10(const DatasetInfo& info, const std::filesystem::path& data_dir,
                            Split split);
LabelledImages read_cifar100(const DatasetInfo& info, const std::filesystem::path& data_dir,
                             Split split);

LabelledImages read_svhn(const DatasetInfo& info, const std::filesystem::path& data_dir,
                         Split split);

}  // namespace detox
