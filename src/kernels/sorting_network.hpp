// Comparators that sort n values, whatever the values are: Batcher's odd-even merge sort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace detox {

/// Puts the lesser of two positions into `low` and the greater into `high`, or only one of them
/// where nobody looks at the other.
struct Comparator {
  enum class Keep : std::uint16_t { kBoth, kLesser, kGreater };
  std::uint16_t low, high;
  Keep keep;
};

/// Enough room for the network of n values, n <= 65535.
constexpr std::size_t network_capacity(std::size_t n) {
  std::size_t rounds = 0;
  while ((std::size_t{1} << rounds) < n) ++rounds;
  return n * rounds * (rounds + 1) / 4 + n;
}

/// Writes the comparators after which positions [lo, hi) hold what they hold in ascending order;
/// the other positions are left undefined. Returns how many. Cost: O(n log^2 n), some microseconds
/// for n = 64.
constexpr std::size_t build_network(std::size_t n, std::size_t lo, std::size_t hi,
                                    std::span<Comparator> storage, std::span<bool> wanted);

}  // namespace detox

#include "kernels/sorting_network_impl.hpp"
