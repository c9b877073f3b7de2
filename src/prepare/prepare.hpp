// `detoxml data prepare`: brings a data set to where the readers look for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/dataset.hpp"
#include "prepare/http_download.hpp"
#include "prepare/inspect.hpp"
#include "prepare/recipes.hpp"
#include "prepare/synthetic.hpp"

namespace detox {

struct PrepareOptions {
  std::filesystem::path data_dir = {};  ///< empty: `data`
  std::string url = {};  ///< take the files from here; empty: from where they are published
  bool download_installed = false;  ///< also what Debian's package has
  HttpOptions http = {};
  std::uint64_t seed = 428;                 ///< of a synthetic set
  std::uint64_t samples = kSyntheticTrain;  ///< its training samples
  std::size_t threads = 1;
};

/// Prepares one data set under data_dir / info.folder and returns what there is to say ("MNIST:
/// downloaded and verified: data/MNIST"). Where it is there already it is verified, and nothing is
/// done. Every file gets its name when it is whole and verified; what a killed run leaves ends in
/// ".part", and the next run goes on with it. Files of the user are never changed or removed.
/// InputError, in one line, where the data set is not there afterwards: wrong files that are in the
/// way, or files that could not be had, with where they can be had and which folder to put them in.
std::string prepare_dataset(const Recipe& recipe, const DatasetInfo& info,
                            const PrepareOptions& options);

/// Where a data set would be prepared.
std::filesystem::path prepared_folder(const DatasetInfo& info,
                                      const std::filesystem::path& data_dir);

}  // namespace detox
