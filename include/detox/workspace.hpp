// Scratch memory that is reused from call to call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace detox {

/// Numbered blocks of 64-byte aligned memory that grow and never shrink. Contents are undefined
/// after take(). One caller at a time; a slot's previous span is invalid after a larger take of the
/// same slot.
class Workspace {
 public:
  template <class T>
  std::span<T> take(std::size_t slot, std::size_t count) {
    return {reinterpret_cast<T*>(bytes(slot, count * sizeof(T))), count};
  }
  std::size_t allocated_bytes() const;

 private:
  struct Free {
    void operator()(std::byte* block) const;
  };
  struct Block {
    std::unique_ptr<std::byte, Free> memory;
    std::size_t size = 0;
  };
  std::byte* bytes(std::size_t slot, std::size_t size);
  std::vector<Block> blocks_;
};

}  // namespace detox
