// A fixed set of threads that share the work of one caller.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "detox/needs_cpp20.hpp"

namespace detox {

/// `size` threads, the caller's included. Which thread runs an index is not fixed, so results must
/// depend on the index alone. One caller at a time; not reentrant: a task must not call
/// parallel_for of the same pool.
class ThreadPool {
 public:
  static constexpr std::size_t kMostThreads = 65535;

  /// UsageError unless size is 1 to kMostThreads; InputError where the system does not start so
  /// many threads.
  explicit ThreadPool(std::size_t size);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const;

  /// Runs task(index, thread) for every index in [0, count), thread in [0, size()). Returns when
  /// all are done; rethrows the exception of the lowest failing index among those that ran.
  void parallel_for(std::size_t count,
                    const std::function<void(std::size_t index, std::size_t thread)>& task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
