// What the server of a run knows: sizes and rules. Nothing of it says who attacks, or how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "stages/assign/placement.hpp"
#include "stages/bucket/hierarchy.hpp"

namespace detox {

/// A worker that stays away from step `from` to step `to`, both included. Workers count from 0.
struct Absence {
  std::uint32_t worker;
  std::uint64_t from, to;
};

/// Sizes in SPEC's letters.
struct DefencePlan {
  std::size_t workers = 0;  ///< P
  std::size_t r = 1, k = 0, b = 0, q = 0, f_eff = 0;
  std::size_t num_aggregate =
      0;                 ///< K, slices that a step goes on with; k where all are waited for
  std::size_t rows = 0;  ///< n of the rule that defends: a robust inner rule's smallest bucket
  bool random_placement = true;
  bool is_lazy = false;         ///< replicas are asked as they are needed for a majority
  bool votes_by_digest = true;  ///< over MPI; with r = 1 there is nothing to vote on
  bool sign_codec = false;      ///< workers send sign bits
  bool weighs_samples = false;  ///< slices count for as many samples as they have
  bool keeps_last = false;      ///< the rule begins at its last result
  Hierarchy::Options hierarchy;
  std::vector<Absence> absences;

  Seating seating() const { return {workers, k, r}; }
  /// Who may compute what in step t, in the order in which a lazy step asks. key: the placement's.
  Assignment assign(const Key& key, std::uint64_t step) const;
};

/// Samples of each of these slices among k; the first slices are the larger ones.
std::vector<double> slice_samples(std::size_t samples_per_step, std::size_t k,
                                  std::span<const std::uint32_t> slices);

}  // namespace detox
