// Long byte strings travel in chunks: each is checked as it arrives, and different ones may come
// from different senders.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace detox {

inline constexpr std::size_t kChunkBytes = std::size_t{1} << 18;

/// How a byte string of this length is cut: all chunks are as long but the last. A value.
struct Chunks {
  std::size_t bytes = 0;
  std::size_t chunk_bytes = kChunkBytes;

  std::size_t count() const { return (bytes + chunk_bytes - 1) / chunk_bytes; }
  std::size_t begin(std::size_t chunk) const { return chunk * chunk_bytes; }
  std::size_t size(std::size_t chunk) const { return std::min(chunk_bytes, bytes - begin(chunk)); }
  template <class Byte>
  std::span<Byte> part(std::span<Byte> whole, std::size_t chunk) const {
    return whole.subspan(begin(chunk), size(chunk));
  }
};

}  // namespace detox
