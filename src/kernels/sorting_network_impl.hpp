// Batcher, "Sorting networks and their applications", 1968, in the form of Knuth's algorithm 5.2.2
// M, which takes any n. Comparators whose results nobody reads are pruned from the end: a median of
// 45 keeps four fifths of them.
#pragma once

namespace detox {

constexpr std::size_t build_network(std::size_t n, std::size_t lo, std::size_t hi,
                                    std::span<Comparator> storage, std::span<bool> wanted) {
  std::size_t count = 0;
  std::size_t top = 1;
  while (2 * top < n) top *= 2;
  for (std::size_t p = top; n > 1 && p > 0; p /= 2) {
    std::size_t q = top, r = 0, distance = p;
    while (true) {
      for (std::size_t i = 0; i + distance < n; ++i) {
        if ((i & p) != r) continue;
        storage[count++] = {static_cast<std::uint16_t>(i), static_cast<std::uint16_t>(i + distance),
                            Comparator::Keep::kBoth};
      }
      if (q == p) break;
      distance = q - p;
      q /= 2;
      r = p;
    }
  }

  for (std::size_t i = 0; i < n; ++i) wanted[i] = i >= lo && i < hi;
  std::size_t kept = count;  // the kept ones gather at the end of storage[0, count)
  for (std::size_t k = count; k-- > 0;) {
    Comparator comparator = storage[k];
    const bool low = wanted[comparator.low], high = wanted[comparator.high];
    if (!low && !high) continue;
    comparator.keep = low && high ? Comparator::Keep::kBoth
                      : low       ? Comparator::Keep::kLesser
                                  : Comparator::Keep::kGreater;
    wanted[comparator.low] = wanted[comparator.high] = true;
    storage[--kept] = comparator;
  }
  for (std::size_t k = kept; k < count; ++k) storage[k - kept] = storage[k];
  return count - kept;
}

}  // namespace detox
