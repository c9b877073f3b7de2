// A folder of the user's own images: train/<class>/* and test/<class>/* (val or valid will do), PNG
// and JPEG.
#pragma once

#include <filesystem>
#include <memory>

#include "base/dataset.hpp"

namespace detox {

inline constexpr std::size_t kLeastImageSize = 8, kMostImageSize = 1024;

/// Classes are the folders of the training split, sorted by the bytes of their names; samples
/// follow their class, then the bytes of the file's name. Every image becomes 3 x image_size x
/// image_size (resize.hpp); values are x / 127.5 - 1 and nothing is augmented. Files and folders
/// whose name begins with a dot are passed over; InputError names anything else that is no image,
/// damaged, not a regular file or in a class that the training split lacks. Links are followed, two
/// levels of folders are looked at and no more. Images are decoded on all cores. Memory: 3 x
/// image_size^2 bytes a sample and one image a core.
std::unique_ptr<Dataset> load_image_folder(const std::filesystem::path& folder, Split split,
                                           std::size_t image_size);

}  // namespace detox
