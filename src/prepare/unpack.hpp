// Archives that came from elsewhere -> files in a folder of ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace detox {

/// What an archive may hold at the most.
struct UnpackLimits {
  std::uint64_t bytes = std::uint64_t{1} << 30;
  std::size_t entries = 1000;
};

/// Unpacks a tar archive, plain or gzipped, into `folder`, which must be there and empty. Nothing
/// in it is trusted: an entry that is no regular file or folder (a link of either kind, a device),
/// an absolute name, a name with "..", with control characters or longer than usual, a name that
/// comes twice, more entries or bytes than the limits, damage or an early end are InputErrors,
/// opening with the archive's name; the files that were written until then stay, in a folder that
/// the caller throws away. Owners, times and permissions are ignored. Files are durable when it
/// returns.
void unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& folder,
                    const UnpackLimits& limits);

/// The same of an archive in memory; `name` is what messages call it.
void unpack_archive(const std::string& name, std::span<const std::byte> archive,
                    const std::filesystem::path& folder, const UnpackLimits& limits);

/// Why a name within an archive is refused; empty where it is not. Names end with "/" for folders.
std::string unsafe_name(std::string_view name);

}  // namespace detox
