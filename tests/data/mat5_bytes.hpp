// MATLAB 5 files made by hand, for the tests.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

namespace detox {

inline std::string little_endian_bytes(std::uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 255U);
  return bytes;
}

inline std::string mat5_element(std::uint32_t type, const std::string& content) {
  return little_endian_bytes(type) +
         little_endian_bytes(static_cast<std::uint32_t>(content.size())) + content +
         std::string((8 - content.size() % 8) % 8, '\0');
}

inline std::string mat5_header() {
  std::string header = "MATLAB 5.0 MAT-file, made by hand";
  header.resize(124, ' ');
  return header + std::string("\0\1IM", 4);
}

struct Mat5Parts {
  std::string name;
  std::vector<std::uint32_t> dimensions;
  std::string data;
  std::uint32_t flags = 9;      ///< class uint8
  std::uint32_t data_type = 2;  ///< uint8
};

inline std::string mat5_matrix(const Mat5Parts& parts) {
  std::string dimensions;
  for (const std::uint32_t extent : parts.dimensions) dimensions += little_endian_bytes(extent);
  return mat5_element(14, mat5_element(6, little_endian_bytes(parts.flags) + std::string(4, '\0')) +
                              mat5_element(5, dimensions) + mat5_element(1, parts.name) +
                              mat5_element(parts.data_type, parts.data));
}

inline std::string zlib_bytes(const std::string& plain) {
  uLongf size = compressBound(plain.size());
  std::string packed(size, '\0');
  EXPECT_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                     reinterpret_cast<const Bytef*>(plain.data()), plain.size()),
            Z_OK);
  packed.resize(size);
  return packed;
}

/// Compressed elements are not padded.
inline std::string mat5_compressed(const std::string& zlib_data) {
  return little_endian_bytes(15) +
         little_endian_bytes(static_cast<std::uint32_t>(zlib_data.size())) + zlib_data;
}

}  // namespace detox
