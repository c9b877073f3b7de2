// The header of a .npy file, format versions 1.0, 2.0 and 3.0 (numpy.lib.format).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace detox {

enum class NumpyType { kFloat32, kFloat64 };

/// Where the values of an (n, d) matrix lie: little-endian, row-major, nothing after them.
struct NumpyHeader {
  NumpyType type = NumpyType::kFloat32;
  std::size_t n = 0, d = 0;
  std::size_t data_offset = 0;  ///< bytes; a multiple of the size of a value
};

/// Parses a whole file. InputError, beginning with `where`, for anything but a complete matrix of
/// float32 or float64 with n, d >= 1. Reads no byte outside of `file` and takes time in proportion
/// to the header.
NumpyHeader parse_numpy(std::span<const std::byte> file, std::string_view where);

}  // namespace detox
