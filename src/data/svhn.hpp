// SVHN's cropped digits (Netzer et al. 2011): X (32, 32, 3, n) and y (n, 1), both uint8, in a
// MATLAB 5 file. MATLAB's order is column-major, so that an image lies as (channel, column, row);
// label 10 is the digit 0.
#pragma once

#include <filesystem>

#include "data/image_dataset.hpp"

namespace detox {

inline constexpr std::size_t kMostSvhnSamples = 600'000;  ///< the largest published file: 531,131

/// Verifies the file (mat5.hpp), then reads it with libmatio. InputError, opening with the file's
/// name, for what verify_mat5 refuses, other variables or shapes, and labels outside 1 to 10.
LabelledImages read_svhn_file(const std::filesystem::path& file);

}  // namespace detox
