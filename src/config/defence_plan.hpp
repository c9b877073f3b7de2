// What the server of a run knows: sizes and rules. Nothing of it says who attacks, or how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "stages/assign/dealing.hpp"
#include "stages/assign/placement.hpp"
#include "stages/bucket/hierarchy.hpp"

namespace detox {

/// A worker that stays away from step `from` to step `to`, both included. Workers count from 0.
struct Absence {
  std::uint32_t worker;
  std::uint64_t from, to;
};

/// Where an arbiter decides about what differs: copies are dealt, and r is how many a slice gets.
struct ArbiterPlan {
  Dealing dealing;
  bool by_server = false;         ///< else by more workers
  double recheck = 0;             ///< share of the slices with equal copies that go to it, too
  std::uint64_t evict_after = 0;  ///< convictions; 0: nobody is put out
  bool heals = false;             ///< steps that rest on what liars alone have said are taken again
  /// Workers that a slice may be given to besides those that it was dealt to.
  std::size_t spares() const { return 2 * dealing.q + 4; }
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

  std::optional<ArbiterPlan> arbitrated;

  Seating seating() const { return {workers, k, r}; }
  /// Orders of a step, each slice's as often as it has one, at the most.
  std::size_t most_orders() const {
    return arbitrated ? k * arbitrated->dealing.copies + arbitrated->dealing.most_audits()
                      : seating().seats();
  }
  /// Who may compute what in step t, in the order in which a lazy step asks. key: the placement's.
  Assignment assign(const Key& key, std::uint64_t step) const;
  /// The same where copies are dealt, among those who are not away, so many of them put out, anew
  /// where a step is taken again. round: round_number().
  Assignment deal(const Key& key, std::uint64_t round, const std::vector<bool>& away,
                  std::size_t out) const;
  /// Which slices of a round go to the arbiter though all their copies are the same.
  std::vector<bool> rechecked(const Key& key, std::uint64_t round) const;
};

/// Samples of each of these slices among k; the first slices are the larger ones.
std::vector<double> slice_samples(std::size_t samples_per_step, std::size_t k,
                                  std::span<const std::uint32_t> slices);

}  // namespace detox
