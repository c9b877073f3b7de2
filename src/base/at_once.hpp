// Waiting for many things at the same time: other machines, other programs. What computes takes a
// ThreadPool.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "base/start_threads.hpp"
#include "detox/errors.hpp"

namespace detox {

/// Calls body(i) once for each i in [0, count), at most so many at a time (at least one), on this
/// thread and others, and returns when all have returned. With fewer threads than wanted, where the
/// system starts no more, it takes longer. body must not throw.
template <class Body>
void for_each_at_once(std::size_t count, std::size_t most_at_once, const Body& body) {
  std::atomic<std::size_t> next{0};
  const auto work = [&](std::size_t) {
    for (std::size_t i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::thread> threads;
  const std::size_t size = std::max<std::size_t>(1, std::min(count, most_at_once));
  try {
    start_threads(1, size, work, threads);
  } catch (const InputError&) {
    // This thread does what the missing ones would have done.
  }
  work(0);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace detox
