// Whom a run's ledger makes suspect: a test on counts (docs/security.md, "Who is suspect").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "record/ledger.hpp"

namespace detox {

/// What is presumed of a run.
struct VerdictBasis {
  std::size_t workers = 0, slices = 0;          ///< P, k
  std::size_t liars = 0;                        ///< q: at most so many workers lie
  bool random_placement = true;                 ///< drawn anew each step, by a key that no liar has
  std::uint64_t first_step = 1, last_step = 0;  ///< that the ledger is about
};

/// The largest share of steps in which one honest worker can be outvoted on average, whatever up to
/// q liars do: in which they own the majority of its slice. From 0 to 1.
double honest_outvoted_share(const VerdictBasis& basis);

/// P(X >= hits) of a binomial X of so many trials.
double binomial_tail(std::uint64_t trials, std::uint64_t hits, double share);

struct Verdict {
  std::vector<std::uint32_t> suspects;  ///< from 0, ascending
  std::size_t liars = 0;  ///< the least number, from the basis on, that leaves no contradiction
  std::string line;       ///< for people
};

/// A worker is suspect where one that is honest would be outvoted as often with a probability of at
/// most 0.001 / P, or where it was seen doing what no honest one does.
Verdict judge_workers(const Ledger& ledger, const VerdictBasis& basis);

/// The line in the place of a verdict where other workers lie in each step: nobody is singled out.
std::string changing_liars_line(const Ledger& ledger, const VerdictBasis& basis);

}  // namespace detox
