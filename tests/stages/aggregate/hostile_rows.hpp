// Honest rows that make a rule's task hard, hostile rows of every known kind, and a search for
// worse ones.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/samples.hpp"
#include "stages/aggregate/resilience_bounds.hpp"

namespace detox::test {

struct NamedRows {
  std::string name;
  Matrix rows;
};

/// h honest rows of d coordinates: isotropic, on a line, in two clusters of many proportions, with
/// an outlier, close together far from the origin, all equal.
std::vector<NamedRows> honest_sets(std::size_t h, std::size_t d, std::uint64_t seed);

/// f hostile rows of every kind: not finite, huge, random, copies and near copies of honest ones,
/// colluding on one point near and far, a little away from the mean, against it.
std::vector<NamedRows> hostile_sets(const HonestRows& honest, std::size_t f, std::uint64_t seed);

/// What the hostile rows want large. Never NaN.
using Harm = std::function<double(const Matrix& hostile)>;

/// The worst of the sets, and of what is found from the worst few of them by climbing: steps of one
/// row or of all together, longer while they help and shorter while they do not.
struct Found {
  std::string start;
  Matrix rows;
  double harm = 0;
};
Found search_hostile_rows(const HonestRows& honest, std::size_t f, const Harm& harm,
                          std::size_t climbs, std::uint64_t seed);

}  // namespace detox::test
