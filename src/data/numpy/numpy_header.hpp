// The header of a .npy file, format versions 1.0, 2.0 and 3.0 (numpy.lib.format).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace detox {

enum class NumpyType { kFloat16, kFloat32, kFloat64 };

/// Bytes of a value.
constexpr std::size_t size_of(NumpyType type) {
  return type == NumpyType::kFloat16 ? 2 : type == NumpyType::kFloat32 ? 4 : 8;
}

/// Where the values of an (n, d) matrix lie; nothing follows them.
struct NumpyHeader {
  NumpyType type = NumpyType::kFloat32;
  std::size_t n = 0, d = 0;
  std::size_t data_offset = 0;  ///< bytes
  bool is_big_endian = false;
  bool is_fortran_order = false;  ///< column by column
};

/// Parses a whole file. InputError, beginning with `where`, for anything but a complete matrix of
/// float16, float32 or float64 with n, d >= 1. Reads no byte outside of `file` and takes time in
/// proportion to the header.
NumpyHeader parse_numpy(std::span<const std::byte> file, std::string_view where);

}  // namespace detox
