// How a chunk of an answer is made smaller on its way (--compress-grad): lossless, so nothing but
// time depends on it. Digests are of the bytes before packing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace detox {

/// Meant for float32, little endian, but takes any bytes. Keeps scratch memory of a chunk's size:
/// one for every thread. After the first chunk of a size it takes no memory by operator new;
/// blosc's library takes and frees three times the chunk in every call.
class Compressor {
 public:
  virtual ~Compressor() = default;

  /// Appends the packed chunk to `out`; false, with `out` as it was, where it would not be smaller:
  /// then the chunk travels as it is.
  virtual bool pack(std::span<const std::byte> chunk, std::vector<std::byte>& out) = 0;

  /// Unpacks into exactly out.size() bytes; false for anything else, and then `out` holds anything.
  /// `packed` may come from an adversary: no memory is taken and nothing is written because of what
  /// it says of itself, and time is bounded by the two lengths.
  virtual bool unpack(std::span<const std::byte> packed, std::span<std::byte> out) = 0;
};

struct CompressorInfo {
  std::string_view name;
  std::string_view alias;  ///< the original's name, or empty
  std::string_view summary;
  std::unique_ptr<Compressor> (*make)();  ///< null for none
};

/// All of them, sorted by name.
std::span<const CompressorInfo> compressors();

/// Null for none. UsageError for what is no name; case does not matter (the original's "None").
std::unique_ptr<Compressor> make_compressor(std::string_view name);

}  // namespace detox
