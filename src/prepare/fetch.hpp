// One published file into a folder: downloaded, verified, and only then under its name.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "prepare/http_download.hpp"
#include "prepare/recipes.hpp"

namespace detox {

struct FetchResult {
  enum class Outcome { kAlreadyThere, kDownloaded, kFailed };
  Outcome outcome = Outcome::kFailed;
  /// For kFailed: what each source answered, "URL: reason".
  std::vector<std::string> reasons;
};

/// Brings `file` into `folder`, which must exist, from the first of `bases` (base + name) that
/// gives the published bytes. What is under way has the name with ".part", and is gone on with by
/// the next call; what turns out wrong is removed and the next source asked. A file that has the
/// name already is verified and never changed: InputError where it is another one, or where the
/// folder cannot be written.
FetchResult fetch_file(const PublishedFile& file, std::span<const std::string> bases,
                       const std::filesystem::path& folder, const HttpOptions& options,
                       const ByteProgress& progress);

}  // namespace detox
