// Krum's score, which krum, multi-krum and bulyan share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "detox/workspace.hpp"
#include "stages/aggregate/geometry_rule.hpp"

namespace detox {

/// How many nearest others a row is scored by: n - f - 2 as in the paper; n - f - 1 in the
/// semantics of byzfl and byzpy.
inline std::size_t krum_neighbours(const RuleOptions& options, std::size_t n) {
  return n - options.f - (options.semantics == Semantics::kPaper ? 2 : 1);
}

/// Sum of the squared distances of each row to so many nearest others, in ascending order. Infinite
/// for rows that are not finite, and for all where too few rows are finite. Views the scratch
/// memory. Cost: O(n^2 log n).
std::span<double> krum_scores(const Geometry& geometry, std::size_t neighbours,
                              Workspace::Scope& scratch);

/// The rows in ascending order of score, ties to the lower index, those that are not finite last.
/// Views the scratch memory.
std::span<std::uint32_t> rows_by_score(const Geometry& geometry, std::span<const double> scores,
                                       Workspace::Scope& scratch);

}  // namespace detox
