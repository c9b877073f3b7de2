// Step "assign": which worker computes which slice, and what that redundancy is worth. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/assignment.hpp"
#include "detox/random.hpp"

namespace detox {

/// Group j holds contiguous workers; sizes differ by one at most, the larger groups first. P need
/// not be a multiple of k.
Assignment fixed_placement(std::size_t workers, std::size_t slices);

/// The same groups over a permutation of the workers that is drawn anew each step from (key, step).
Assignment random_placement(std::size_t workers, std::size_t slices, const Key& key,
                            std::uint64_t step);

/// f_eff = floor(q / ceil(r / 2)): how many slices q attackers can own at the worst (DETOX, section
/// 4).
std::size_t effective_corruption(std::size_t q, std::size_t group_size);

/// Expected corrupt slices for q uniformly placed attackers, (P/r) sum_{i >= ceil(r/2)} C(q,i)
/// C(P-q,r-i) / C(P,r).
double expected_corrupted_slices(std::size_t workers, std::size_t q, std::size_t group_size);

}  // namespace detox
