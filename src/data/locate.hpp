// Where the files of a data set lie.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "detox/dataset.hpp"

namespace detox {

/// The folders where the files of a data set are looked for, in this order: in data_dir (or `data`
/// where it is empty) the data set's folder, `raw` within it (Torchvision's layout) and data_dir
/// itself; without a data_dir then the folder of Debian's package.
std::vector<std::filesystem::path> data_folders(const DatasetInfo& info,
                                                const std::filesystem::path& data_dir);

/// All names, each plain or with .gz (the plain one first), from the first folder that holds all of
/// them. InputError with the folders, the missing names and what to install or to put there.
std::vector<std::filesystem::path> locate_files(const DatasetInfo& info,
                                                const std::filesystem::path& data_dir,
                                                const std::vector<std::string>& names);

/// Whether a folder says that the files in it were generated and are not the published ones: it
/// holds a file SYNTHETIC.txt.
bool says_synthetic(const std::filesystem::path& folder);

}  // namespace detox
