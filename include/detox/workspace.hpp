// Scratch memory that is reused from call to call.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "detox/needs_cpp20.hpp"

namespace detox {

/// An arena of blocks that are kept. Memory is taken in a Scope and given back with it; what the
/// widest moment needed is one block afterwards, so that a second call like the first allocates
/// nothing. One caller at a time.
class Workspace {
 public:
  class Scope;

  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  std::size_t allocated_bytes() const;

 private:
  struct Free {
    void operator()(std::byte* block) const;
  };
  struct Block {
    std::unique_ptr<std::byte, Free> memory;
    std::size_t size = 0;
  };
  /// Where the next bytes come from. What lies behind it is in nobody's use.
  struct Top {
    std::size_t block = 0;   ///< its number; there may be none of it yet
    std::size_t used = 0;    ///< bytes of it
    std::size_t before = 0;  ///< bytes in use of the blocks before it
  };

  static Block allocate(std::size_t size);
  std::byte* take(std::size_t size);
  void make_room(std::size_t size);
  void give_back_to(const Top& top);
  void join_blocks();

  std::vector<Block> blocks_;
  Top top_;
  std::size_t most_ = 0;   ///< bytes that were ever in use at once
  std::size_t depth_ = 0;  ///< scopes that are open
};

/// What is taken in a scope stays where it is until the scope ends. Scopes nest: memory is taken in
/// the innermost one alone, which ends first. Anything else is our bug, and a build with the
/// address sanitizer also finds reads and writes beside a span and after its scope.
class Workspace::Scope {
 public:
  explicit Scope(Workspace& workspace);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// So many values at a multiple of 64 bytes. Their contents are undefined.
  template <class T>
  std::span<T> take(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    return {reinterpret_cast<T*>(bytes(count * sizeof(T))), count};
  }

  /// For a scope within this one.
  Workspace& workspace() const { return workspace_; }

 private:
  std::byte* bytes(std::size_t size);

  Workspace& workspace_;
  Top begin_;
  std::size_t depth_;
};

}  // namespace detox
