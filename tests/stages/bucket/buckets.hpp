// The buckets of a step, as lists.
#pragma once

#include <cstdint>
#include <vector>

#include "stages/bucket/hierarchy.hpp"

namespace detox {

inline std::vector<std::vector<std::uint32_t>> buckets_of(std::size_t n, std::size_t b,
                                                          const Key& key, std::uint64_t step) {
  std::vector<std::uint32_t> order(n);
  split_into_buckets(b, key, step, order);
  std::vector<std::vector<std::uint32_t>> buckets;
  for (std::size_t i = 0; i < b; ++i) {
    const Places places = bucket_places(n, b, i);
    buckets.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(places.begin),
                         order.begin() + static_cast<std::ptrdiff_t>(places.end));
  }
  return buckets;
}

}  // namespace detox
