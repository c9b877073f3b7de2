// The checksum of TFRecord's frames.
#pragma once

#include <cstdint>
#include <string_view>

namespace detox {

/// CRC-32C (Castagnoli; RFC 3720, B.4), byte by byte.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace detox
