// Threads that live until their owner ends them.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

#include "detox/errors.hpp"

namespace detox {

/// Starts threads that run body(first), …, body(last - 1). InputError where the system does not
/// start so many; those that were started are in `threads` then, and are the caller's to end.
template <class Body>
void start_threads(std::size_t first, std::size_t last, const Body& body,
                   std::vector<std::thread>& threads) {
  threads.reserve(last - first);
  try {
    for (std::size_t thread = first; thread < last; ++thread)
      threads.emplace_back([body, thread] { body(thread); });
  } catch (const std::system_error& error) {
    throw InputError(fmt::format(
        "thread {} of {} cannot be started: {}; valid: fewer threads, or higher limits (ulimit)",
        first + threads.size() + 1, last, error.code().message()));
  }
}

}  // namespace detox
