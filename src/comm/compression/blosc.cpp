// C-Blosc 1 (Alted, https://www.blosc.org): sorts the bits of 32-bit words by their place, so that
// signs and exponents lie together, then LZ4. What a chunk costs is in docs/performance.md; other
// inner compressors and the byte shuffle were slower or packed less.
#include <blosc.h>

#include <cstdint>
#include <cstring>

#include "comm/compression/registry.hpp"

namespace detox {
namespace {

constexpr int kLevel = 9, kThreads = 1;
constexpr std::size_t kFloat = 4;

/// Blosc's header, as its format documents it, and what of it this program writes: the library has
/// other compressors and older formats, which nobody needs to reach from outside.
bool is_from_pack(std::span<const std::byte> packed) {
  constexpr std::size_t kVersion = 0, kInnerVersion = 1, kFlags = 2, kTypeSize = 3;
  constexpr unsigned kInnerShift = 5;
  if (packed.size() < BLOSC_MIN_HEADER_LENGTH) return false;
  const auto field = [&](std::size_t i) { return std::to_integer<unsigned>(packed[i]); };
  return field(kVersion) == BLOSC_VERSION_FORMAT &&
         field(kInnerVersion) == BLOSC_LZ4_VERSION_FORMAT &&
         field(kFlags) >> kInnerShift == BLOSC_LZ4_FORMAT && field(kTypeSize) == kFloat;
}

class Blosc final : public Compressor {
 public:
  bool pack(std::span<const std::byte> chunk, std::vector<std::byte>& out) override {
    if (chunk.empty() || chunk.size() > BLOSC_MAX_BUFFERSIZE) return false;
    const std::size_t before = out.size();
    out.resize(before + chunk.size() - 1);
    const int packed =
        blosc_compress_ctx(kLevel, BLOSC_BITSHUFFLE, kFloat, chunk.size(), chunk.data(),
                           out.data() + before, chunk.size() - 1, BLOSC_LZ4_COMPNAME, 0, kThreads);
    out.resize(before + (packed > 0 ? static_cast<std::size_t>(packed) : 0));
    return packed > 0;
  }

  bool unpack(std::span<const std::byte> packed, std::span<std::byte> out) override {
    if (!is_from_pack(packed)) return false;
    std::size_t unpacked = 0, packed_size = 0, block = 0;
    blosc_cbuffer_sizes(packed.data(), &unpacked, &packed_size, &block);
    if (unpacked != out.size() || packed_size != packed.size()) return false;
    // The scratch memory of the library is three blocks.
    if (block == 0 || block > out.size()) return false;
    if (blosc_cbuffer_validate(packed.data(), packed.size(), &unpacked) < 0) return false;
    const int written = blosc_decompress_ctx(packed.data(), out.data(), out.size(), kThreads);
    return written > 0 && static_cast<std::size_t>(written) == out.size();
  }
};

}  // namespace

std::unique_ptr<Compressor> make_blosc_compressor() { return std::make_unique<Blosc>(); }

}  // namespace detox
