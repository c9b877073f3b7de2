// CGE, comparative gradient elimination. Gupta, Liu, Vaidya: "Byzantine fault-tolerant distributed
// machine learning using stochastic gradient descent (SGD) and norm-based comparative gradient
// elimination (CGE)", arXiv 2008.04699, 2020: the mean of the n - f rows of least norm, ties to the
// lowest index. Rows that are not finite have an infinite norm and are never chosen; with more than
// f of them the mean is over fewer rows, and 0 where none is left. A hostile row of small norm is
// always among them: there is no bound on how far f rows move the result from the honest mean but
// their norm, which is no larger than the largest honest one. Cost: the pass for distances (of
// which norms are a part), n log n, one combination.
#include <algorithm>
#include <numeric>

#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"

namespace detox {
namespace {

class Cge final : public GeometryRule {
 public:
  explicit Cge(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    return take_least(
        geometry,
        {geometry.squared_norms, geometry.n - options().f, "not among the n - f of least norm"},
        scratch, weights, report);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_cge(const RuleOptions& options) {
  return std::make_unique<Cge>(options);
}

}  // namespace detox
