// FABA. Xia, Tao, Hao, Li: "FABA: an algorithm for fast aggregation against Byzantine attacks in
// distributed neural networks", IJCAI 2019: f times the row farthest from the mean of those that
// are left is dropped, ties to the highest index; the result is the mean of the rest. Rows that are
// not finite are farthest of all: they go first, and where there are more than f of them, all of
// them; the result is 0 where no row is left. Cost: the pass for distances, f n^2, one combination.
#include <algorithm>

#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"

namespace detox {
namespace {

class Faba final : public GeometryRule {
 public:
  explicit Faba(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t n = geometry.n;
    const auto scores = scratch.take<double>(n);
    std::size_t dropped = n - keep_finite(geometry, weights, scores);
    for (; dropped < options().f; ++dropped) drop_farthest(geometry, weights, scores);
    const double divisor = mean_of_taken(geometry, weights, "farthest from the mean", report);
    if (report != nullptr) report->scores.assign(scores.begin(), scores.end());
    return divisor;
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_faba(const RuleOptions& options) {
  return std::make_unique<Faba>(options);
}

}  // namespace detox
