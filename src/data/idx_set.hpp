// IDX files of any image size and number of classes, as EMNIST's and whatever else keeps MNIST's
// form: a set that is named by its path.
#pragma once

#include <filesystem>
#include <memory>

#include "base/dataset.hpp"

namespace detox {

/// Whether a path is a folder that holds IDX files, train-images-idx3-ubyte with anything in front
/// (plain, gzipped, or with a dot for the dash before idx3), or such a folder and what stands in
/// front: gzip/emnist-letters.
bool is_idx_set(const std::filesystem::path& given);

/// One split of it: (train|t10k or test)-images-idx3-ubyte and -labels-idx1-ubyte. Images of 1 to
/// 1024 pixels a side become x / 127.5 - 1, as an image folder's. The labels of both splits decide
/// the classes: 0 to the highest, or 1 to the highest where none is 0. InputError where files are
/// missing, damaged or do not fit together, or where the folder has several sets.
std::unique_ptr<Dataset> load_idx_set(const std::filesystem::path& given, Split split);

}  // namespace detox
