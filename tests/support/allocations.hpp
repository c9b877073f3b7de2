// Counts what a test program takes from the heap by operator new: that of a program that links
// counted_allocations is replaced.
#pragma once

#include <cstddef>

namespace detox {

struct Allocations {
  std::size_t count = 0, bytes = 0;
};

/// Of all threads, since the program began.
Allocations allocations();

}  // namespace detox
