// How far f hostile rows can move each rule from the mean of the honest ones: the bounds that
// docs/rules.md states, as functions that tests compute with.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "detox/aggregator.hpp"

namespace detox::test {

using Row = std::vector<double>;
using Matrix = std::vector<Row>;

/// What the bounds know about the honest rows.
struct HonestRows {
  explicit HonestRows(Matrix honest);

  Matrix rows;
  Row mean;
  double variance = 0;  ///< mean of the squared distances to the mean
  double greatest_norm = 0;
};

/// One line of the document's table. With `kappa` the squared distance of the result from the
/// honest mean is at most kappa(n, f) times the variance; with `distance` the distance is at most
/// that; a rule with neither promises nothing.
struct Resilience {
  std::string_view rule;
  std::string_view form;  ///< what the document adds to the name, or empty
  double (*kappa)(std::size_t n, std::size_t f);
  double (*distance)(const HonestRows& honest, const RuleOptions& options);
  double reached;  ///< a search gets at least so near the bound, or is not good enough
};

/// In the document's order.
std::span<const Resilience> resilience_table();

/// Of multi-krum with m rows.
double multi_krum_kappa(std::size_t n, std::size_t f, std::size_t m);

/// Of a rule behind nnm.
double kappa_behind_nnm(double kappa, std::size_t n, std::size_t f);

}  // namespace detox::test
