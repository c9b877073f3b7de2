#include "detox/workspace.hpp"

#include <cstdlib>
#include <new>

namespace detox {
namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

void Workspace::Free::operator()(std::byte* block) const { std::free(block); }

std::size_t Workspace::allocated_bytes() const {
  std::size_t sum = 0;
  for (const Block& block : blocks_) sum += block.size;
  return sum;
}

std::byte* Workspace::bytes(std::size_t slot, std::size_t size) {
  if (slot >= blocks_.size()) blocks_.resize(slot + 1);
  Block& block = blocks_[slot];
  if (block.size < size || !block.memory) {
    const std::size_t rounded = (size / kAlignment + 1) * kAlignment;
    block.memory.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded)));
    if (!block.memory) throw std::bad_alloc();
    block.size = rounded;
  }
  return block.memory.get();
}

}  // namespace detox
