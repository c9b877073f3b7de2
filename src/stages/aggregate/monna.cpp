// MoNNA, mixing by nearest-neighbour averaging. Farhadkhani, Guerraoui, Gupta, Hoang, Pinot,
// Stephan: "Robust collaborative learning with linear gradient overhead", ICML 2023: the mean of
// the n - f rows nearest one row that is trusted (--reference-row), itself included, ties to the
// lowest index. Rows that are not finite are never chosen; where the trusted row is not finite, no
// row is near it and the result is 0. There is no bound where the trusted row is hostile. Cost: the
// pass for distances, n log n, one combination.
#include <fmt/format.h>

#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"

namespace detox {
namespace {

class MoNna final : public GeometryRule {
 public:
  explicit MoNna(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t trusted = options().reference_row;
    const std::size_t count = geometry.is_finite(trusted) ? geometry.n - options().f : 0;
    // The trusted row comes first by its index alone: copies of it are as near.
    const auto scores = scratch.take<double>(geometry.n);
    std::ranges::copy(geometry.distances_of(trusted), scores.begin());
    scores[trusted] = -1;
    const double divisor =
        take_least(geometry, {scores, count, "not among the n - f nearest the trusted row"},
                   scratch, weights, report);
    if (report != nullptr) {
      report->scores.assign(geometry.distances_of(trusted).begin(),
                            geometry.distances_of(trusted).end());
    }
    return divisor;
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_monna(const RuleOptions& options) {
  return std::make_unique<MoNna>(options);
}

std::string unmet_monna(const RuleOptions& options, std::size_t n) {
  if (options.reference_row < n) return {};
  return fmt::format("monna needs reference-row < n: reference-row = {}, n = {}",
                     options.reference_row, n);
}

}  // namespace detox
