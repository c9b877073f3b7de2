// Where the files of a data set lie.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/dataset.hpp"

namespace detox {

/// The folders where the files of a data set are looked for, in this order: in data_dir (or `data`
/// where it is empty) the data set's folder, `raw` within it (Torchvision's layout) and data_dir
/// itself; without a data_dir then the folder of Debian's package.
std::vector<std::filesystem::path> data_folders(const DatasetInfo& info,
                                                const std::filesystem::path& data_dir);

/// How the name of a file is spelled where it lies: as published, and as some archive programs
/// unpack MNIST's: train-images.idx3-ubyte.
std::vector<std::string> spellings_of(const std::string& name);

/// The file of that name in a folder, in any spelling; plain before gzipped.
std::optional<std::filesystem::path> find_data_file(const std::filesystem::path& folder,
                                                    const std::string& name,
                                                    bool also_gzipped = true);

/// What to look for: files that belong together, or an archive of them.
struct FileSet {
  std::vector<std::string> names;  ///< each plain or with .gz, the plain one first
  bool is_never_gzipped = false;   ///< then .gz is not looked for
  std::string subfolder = {};      ///< a folder that may lie around them, as archives have one
  std::string archive = {};        ///< the archive as it is downloaded, without .gz; or empty
  std::vector<std::string> useless = {};  ///< what people have instead
  std::string why_useless = {};           ///< and what to tell them
};

struct FoundFiles {
  std::vector<std::filesystem::path> files;  ///< in the order of the names; or the archive alone
  bool is_archive = false;
  bool is_synthetic = false;  ///< says_synthetic of their folder, or of the one around subfolder
};

/// From the first folder that holds all of them: within it in the subfolder, then directly, then as
/// an archive. InputError with the folders, the missing names and what to install or to put there.
FoundFiles locate_files(const DatasetInfo& info, const std::filesystem::path& data_dir,
                        const FileSet& wanted);

/// Whether a folder says that the files in it were generated and are not the published ones: it
/// holds a file SYNTHETIC.txt.
bool says_synthetic(const std::filesystem::path& folder);

}  // namespace detox
