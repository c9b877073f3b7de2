#include "detox/workspace.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/assert.hpp"

#ifdef DETOX_SANITIZES_ADDRESS
#include <sanitizer/asan_interface.h>
#endif

namespace detox {
namespace {

constexpr std::size_t kAlignment = 64;

/// Bytes that a take uses up. At least one behind the span is nobody's, where the sanitizer finds
/// who goes too far.
constexpr std::size_t padded(std::size_t size) { return (size / kAlignment + 1) * kAlignment; }

// NOLINTBEGIN(readability-non-const-parameter): the sanitizer marks what lies there
void forbid([[maybe_unused]] std::byte* begin, [[maybe_unused]] std::size_t size) {
#ifdef DETOX_SANITIZES_ADDRESS
  __asan_poison_memory_region(begin, size);
#endif
}

void permit([[maybe_unused]] std::byte* begin, [[maybe_unused]] std::size_t size) {
#ifdef DETOX_SANITIZES_ADDRESS
  __asan_unpoison_memory_region(begin, size);
#endif
}
// NOLINTEND(readability-non-const-parameter)

}  // namespace

void Workspace::Free::operator()(std::byte* block) const { std::free(block); }

std::size_t Workspace::allocated_bytes() const {
  std::size_t sum = 0;
  for (const Block& block : blocks_) sum += block.size;
  return sum;
}

/// No memory where there is none. size is a multiple of the alignment.
Workspace::Block Workspace::allocate(std::size_t size) {
  Block block{std::unique_ptr<std::byte, Free>(
                  static_cast<std::byte*>(std::aligned_alloc(kAlignment, size))),
              size};
  if (block.memory) forbid(block.memory.get(), size);
  return block;
}

std::byte* Workspace::take(std::size_t size) {
  make_room(padded(size));
  std::byte* const begin = blocks_[top_.block].memory.get() + top_.used;
  top_.used += padded(size);
  permit(begin, size);
  return begin;
}

void Workspace::make_room(std::size_t size) {
  const auto has_room = [&] {
    return top_.block < blocks_.size() && blocks_[top_.block].size - top_.used >= size;
  };
  if (has_room()) return;
  if (top_.used > 0) top_ = {top_.block + 1, 0, top_.before + top_.used};
  if (has_room()) return;
  blocks_.resize(std::min(blocks_.size(), top_.block));
  Block block = allocate(size);
  if (!block.memory) throw std::bad_alloc();
  blocks_.push_back(std::move(block));
}

void Workspace::give_back_to(const Top& top) {
  most_ = std::max(most_, top_.before + top_.used);
  const std::size_t end = std::min(top_.block + 1, blocks_.size());
  for (std::size_t block = top.block; block < end; ++block) {
    const std::size_t used = block == top.block ? top.used : 0;
    forbid(blocks_[block].memory.get() + used, blocks_[block].size - used);
  }
  top_ = top;
}

/// Where there is not as much memory in one piece, the next take sees to that.
void Workspace::join_blocks() {
  blocks_.clear();
  Block block = allocate(most_);
  if (block.memory) blocks_.push_back(std::move(block));
}

Workspace::Scope::Scope(Workspace& workspace)
    : workspace_(workspace), begin_(workspace.top_), depth_(++workspace.depth_) {}

Workspace::Scope::~Scope() {
  DETOX_ASSERT(depth_ == workspace_.depth_);
  workspace_.give_back_to(begin_);
  if (--workspace_.depth_ == 0 && workspace_.blocks_.size() > 1) workspace_.join_blocks();
}

std::byte* Workspace::Scope::bytes(std::size_t size) {
  DETOX_ASSERT(depth_ == workspace_.depth_);
  return workspace_.take(size);
}

}  // namespace detox
