// Owned bytes at a 64-byte boundary, so that their floats can be rows as they lie.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace detox {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// All zero.
  explicit AlignedBuffer(std::size_t size)
      : memory_(static_cast<std::byte*>(std::aligned_alloc(64, (size / 64 + 1) * 64))),
        size_(size) {
    if (!memory_) throw std::bad_alloc();
    std::memset(memory_.get(), 0, (size / 64 + 1) * 64);
  }
  std::size_t size() const { return size_; }
  std::span<std::byte> bytes() { return {memory_.get(), size_}; }
  std::span<const std::byte> bytes() const { return {memory_.get(), size_}; }
  std::span<float> floats(std::size_t offset, std::size_t count) {
    return {reinterpret_cast<float*>(memory_.get() + offset), count};
  }
  std::span<const float> floats(std::size_t offset, std::size_t count) const {
    return {reinterpret_cast<const float*>(memory_.get() + offset), count};
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0;
};

}  // namespace detox
