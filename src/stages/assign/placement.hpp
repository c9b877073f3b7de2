// Step "assign": which worker computes which slice, and what that redundancy is worth. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/assignment.hpp"
#include "detox/random.hpp"

namespace detox {

/// How many workers there are, of how many slices, and how many compute each at the least: r.
struct Seating {
  std::size_t workers, slices, r;

  /// Whether there are more slices than workers for groups of their own.
  bool overlaps() const { return slices * r > workers; }
  /// Workers of all slices, each as often as it has one.
  std::size_t seats() const { return overlaps() ? slices * r : workers; }
  /// The most slices that a worker may have: L.
  std::size_t lists() const { return (seats() + workers - 1) / workers; }
};

/// Where it does not overlap, group j holds contiguous workers; sizes differ by one at most, the
/// larger groups first. P need not be a multiple of k. Where it does, each slice has r different
/// workers, and the first ones of all slices are dealt as evenly as the second ones, and so on. r
/// <= P and k <= P.
Assignment fixed_placement(const Seating& seating);

/// The same over a permutation of the workers that is drawn anew each step from (key, step).
Assignment random_placement(const Seating& seating, const Key& key, std::uint64_t step);

/// Puts the workers of each slice into an order that is drawn from (key, step). Where the placement
/// overlaps it is the same for all slices, so that the first ones stay dealt evenly.
void draw_order(Assignment& assignment, const Key& key, std::uint64_t step);

/// f_eff = floor(q L / (floor(r / 2) + 1)), at most all: how many slices q attackers can own at the
/// worst, where each stands in the lists of L slices (DETOX, section 4).
std::size_t effective_corruption(std::size_t q, std::size_t group_size, std::size_t lists = 1);

/// Expected corrupt slices for q uniformly placed attackers, (P/r) sum_{i >= ceil(r/2)} C(q,i)
/// C(P-q,r-i) / C(P,r).
double expected_corrupted_slices(std::size_t workers, std::size_t q, std::size_t group_size);

}  // namespace detox
