// The container of MATLAB 5 files (MathWorks, "MAT-File Format", level 5), verified before libmatio
// sees it: libmatio 1.5 has overrun buffers on crafted headers, and takes a damaged or truncated
// compressed array for one that ends in zeros.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/gunzip.hpp"

namespace detox {

inline constexpr std::uint32_t kMat5Uint8 = 9;

/// A variable that is an array of real numbers.
struct Mat5Array {
  std::string name;
  std::uint32_t number_class = 0;  ///< kMat5Uint8, or another of 6 (double) to 15 (uint64)
  std::vector<std::uint64_t> dimensions;
};

/// Reads the whole file: its header, and each variable's tags, flags, dimensions, name and data,
/// the compressed ones through zlib to their checksum. Every length has to be what the dimensions
/// say. InputError, opening with `name`, where the file is not little-endian MATLAB 5, is damaged
/// or ends early, or holds more than eight variables, a variable that is not of real numbers, of
/// more than 8 dimensions or 2^31 values. Memory: 256 KiB; time: that of inflating it once.
std::vector<Mat5Array> verify_mat5(const std::string& name, const ByteSource& source);

}  // namespace detox
