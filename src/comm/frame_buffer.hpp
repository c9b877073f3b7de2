// The memory of frames, which come and go by the hundred in a step.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace detox {

/// Memory for about one chunk is kept for the next frame in place of going back to the system,
/// where each page of it would have to be cleared and faulted in again: that costs more than
/// receiving the frame. At most kMostKept bytes are kept. Any thread.
class FrameMemory {
 public:
  static constexpr std::size_t kMostKept = std::size_t{32} << 20U;
  static void* take(std::size_t bytes);
  static void give_back(void* memory, std::size_t bytes) noexcept;
};

/// FrameMemory for containers; elements are not zeroed first, as they are about to be written.
template <class T>
struct FrameAllocator {
  using value_type = T;
  FrameAllocator() = default;
  template <class U>
  FrameAllocator(const FrameAllocator<U>& /*other*/) {}

  T* allocate(std::size_t count) { return static_cast<T*>(FrameMemory::take(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept {
    FrameMemory::give_back(memory, count * sizeof(T));
  }
  template <class U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Arguments>
  void construct(U* place, Arguments&&... arguments) {
    ::new (static_cast<void*>(place)) U(std::forward<Arguments>(arguments)...);
  }
  template <class U>
  bool operator==(const FrameAllocator<U>& /*other*/) const {
    return true;
  }
};

/// The bytes of a frame. Growing it by resize() leaves the new bytes as they are.
using FrameBuffer = std::vector<std::byte, FrameAllocator<std::byte>>;

}  // namespace detox
