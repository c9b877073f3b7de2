#include <array>
#include <mutex>
#include <new>

#include "comm/chunks.hpp"
#include "comm/frame.hpp"
#include "comm/frame_buffer.hpp"

namespace detox {
namespace {

/// A chunk with its header and what goes before it. All blocks are of one size, so any fits.
constexpr std::size_t kBlock = kChunkBytes + 4096;
constexpr std::size_t kSmall = kChunkBytes / 2;  // what malloc does not get from the system alone
static_assert(kBlock >= kChunkBytes + 2 * kFrameHeaderBytes);

#ifdef DETOX_SANITIZES_ADDRESS
constexpr std::size_t kMostBlocks = 0;  // it looks at memory that is given back
#else
constexpr std::size_t kMostBlocks = FrameMemory::kMostKept / kBlock;
#endif

bool is_block(std::size_t bytes) { return bytes > kSmall && bytes <= kBlock; }

struct Kept {
  std::mutex mutex;  ///< guards all below
  std::array<void*, FrameMemory::kMostKept / kBlock> blocks{};
  std::size_t count = 0;
};

/// Never destroyed: frames may outlive main().
Kept& kept() {
  static Kept& kept = *new Kept;
  return kept;
}

}  // namespace

void* FrameMemory::take(std::size_t bytes) {
  if (!is_block(bytes)) return ::operator new(bytes);
  {
    Kept& here = kept();
    const std::lock_guard lock(here.mutex);
    if (here.count > 0) return here.blocks[--here.count];
  }
  return ::operator new(kBlock);
}

void FrameMemory::give_back(void* memory, std::size_t bytes) noexcept {
  if (is_block(bytes)) {
    Kept& here = kept();
    const std::lock_guard lock(here.mutex);
    if (here.count < kMostBlocks) {
      here.blocks[here.count++] = memory;
      return;
    }
  }
  ::operator delete(memory);
}

}  // namespace detox
