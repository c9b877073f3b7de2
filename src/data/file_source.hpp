// A file, in pieces.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/gunzip.hpp"

namespace detox {

/// Opens a regular file (or a link to one; a pipe or a device is refused and never waited for) and
/// gives it in pieces of 64 KiB, each valid until the next is asked for. InputError with the file
/// and the system's reason where it cannot be opened or read.
ByteSource file_source(const std::filesystem::path& file);

/// All bytes of it. InputError where they are more than most_bytes.
std::vector<std::byte> whole_file(const std::filesystem::path& file, std::uint64_t most_bytes);

}  // namespace detox
