// The IDX format of MNIST: big-endian, magic 00 00 type rank, one 32-bit size a dimension, then the
// values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/gunzip.hpp"

namespace detox {

/// Unsigned bytes of shape (samples, item_shape...).
struct IdxArray {
  std::size_t samples = 0;
  std::vector<std::uint32_t> item_shape = {};
  std::vector<std::uint8_t> values;
};

/// An extent of an item that the file decides, from 1 to kMostExtent.
inline constexpr std::uint32_t kAnyExtent = 0, kMostExtent = 1024;

/// Takes an IDX file of unsigned bytes in pieces. Nothing in it is trusted for a size: the header
/// is checked first (the rank, the item's shape, 1 to 2^28 samples), and memory grows with the
/// bytes that arrive. All functions throw InputError, opening with `name`, that says what is wrong.
class IdxReader {
 public:
  /// item_shape: {28, 28} or {kAnyExtent, kAnyExtent} for images, {} for labels.
  IdxReader(std::string name, std::vector<std::uint32_t> item_shape);
  void add(std::span<const std::byte> bytes);
  IdxArray finish();  ///< once

 private:
  std::size_t header_size() const { return 4 * (item_shape_.size() + 2); }
  void read_header();

  std::string name_;
  std::vector<std::uint32_t> item_shape_;
  std::vector<std::byte> header_;
  std::size_t expected_ = 0;  ///< bytes of values, once the header is there
  IdxArray array_;
};

/// From any source, plain or gzipped.
IdxArray read_idx(const std::string& name, const ByteSource& source,
                  const std::vector<std::uint32_t>& item_shape);

/// From bytes in memory, plain or gzipped.
IdxArray parse_idx(const std::string& name, std::span<const std::byte> bytes,
                   const std::vector<std::uint32_t>& item_shape);

/// From a file, plain or gzipped (told by its content, not by its name).
IdxArray read_idx_file(const std::filesystem::path& file,
                       const std::vector<std::uint32_t>& item_shape);

}  // namespace detox
