// Whom a run's ledger makes suspect: a test on counts (docs/security.md, "Who is suspect").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record/ledger.hpp"
#include "record/rejections.hpp"
#include "stages/assign/placement.hpp"

namespace detox {

/// What the test assumes about a run.
struct VerdictBasis {
  Seating seating;                              ///< P, k and r
  std::size_t liars = 0;                        ///< q: at most so many workers lie
  bool random_placement = true;                 ///< drawn anew each step, by a key that no liar has
  std::uint64_t first_step = 1, last_step = 0;  ///< that the ledger is about
};

/// The largest share of steps, from 0 to 1, in which an honest worker can be outvoted on average,
/// whatever up to q liars do: the share in which they own the majority of its slice.
double honest_outvoted_share(const VerdictBasis& basis);

/// P(X >= hits) of a binomial X with these trials, each a hit with probability `share`.
double binomial_tail(std::uint64_t trials, std::uint64_t hits, double share);

struct Verdict {
  std::vector<std::uint32_t> suspects;  ///< from 0, ascending
  std::size_t liars = 0;  ///< the least number, from the basis on, that leaves no contradiction
  std::string line;       ///< for people
};

/// A worker is suspect if an honest one would be outvoted as often with a probability of at most
/// 0.001 / P, or if it did something that no honest worker does.
Verdict judge_workers(const Ledger& ledger, const VerdictBasis& basis);

/// Whose answers the rule left out more often than those of all workers together, by the same
/// level. It chooses by what answers are like, so this proves nothing. Empty where it left out
/// none.
std::string rejections_line(const Rejections& rejections, std::string_view rule);

/// The line that replaces a verdict when different workers lie in each step: it names nobody.
std::string changing_liars_line(const Ledger& ledger, const VerdictBasis& basis);

}  // namespace detox
