#include "prepare/fetch.hpp"

#include <fmt/format.h>

#include <optional>

#include "detox/errors.hpp"
#include "prepare/checksum.hpp"
#include "prepare/files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

bool has_bytes(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  return !error && size > 0;
}

/// Nothing where `part` is now the published file.
std::optional<std::string> bring(const PublishedFile& file, const std::string& url,
                                 const fs::path& part, const HttpOptions& options,
                                 const ByteProgress& progress) {
  // What an earlier run left may be of other bytes: then it costs one more download, no mirror.
  const int rounds = has_bytes(part) ? 2 : 1;
  std::string difference;
  for (int round = 0; round < rounds; ++round) {
    auto failure = http_download(url, part, file.bytes, options, progress);
    if (failure) return failure;
    difference = difference_from(file, checksums_of(part));
    if (difference.empty()) return std::nullopt;
    remove_left_over(part);
  }
  return "what came is not the published file and was not kept: " + difference;
}

}  // namespace

FetchResult fetch_file(const PublishedFile& file, std::span<const std::string> bases,
                       const fs::path& folder, const HttpOptions& options,
                       const ByteProgress& progress) {
  const fs::path target = folder / file.name;
  if (is_taken(target)) {
    const std::string difference = difference_from(file, checksums_of(target));
    if (difference.empty()) return {FetchResult::Outcome::kAlreadyThere, {}};
    throw InputError(fmt::format(
        "{} is not the published file: {}; move it away and run this again (it is not overwritten)",
        target.string(), difference));
  }
  const fs::path part = folder / fmt::format("{}.part", file.name);
  FetchResult result;
  for (const std::string& base : bases) {
    const std::string url = base + std::string(file.name);
    const auto failure = bring(file, url, part, options, progress);
    if (!failure) {
      publish(part, target);
      result.outcome = FetchResult::Outcome::kDownloaded;
      return result;
    }
    result.reasons.push_back(url + ": " + *failure);
  }
  return result;
}

}  // namespace detox
