// Krum. Blanchard, El Mhamdi, Guerraoui, Stainer: "Machine Learning with Adversaries: Byzantine
// Tolerant Gradient Descent", NeurIPS 2017. The row with the least sum of squared distances to its
// n - f - 2 nearest others; ties to the lowest index. No deviation; in the semantics of byzfl and
// byzpy n - f - 1 others. Rows that are not finite are never chosen (there NaN spoils the scores);
// where no row is finite, the result is 0. Cost: the pass for distances, O(n^2 log n), and a
// copy of one row.
#include "stages/aggregate/krum_score.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class Krum final : public GeometryRule {
 public:
  explicit Krum(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const std::span<const double> scores =
        krum_scores(geometry, krum_neighbours(options(), geometry.n), scratch);
    const std::size_t best = rows_by_score(geometry, scores, scratch)[0];
    if (geometry.is_finite(best)) weights[best] = 1;
    if (report != nullptr) {
      report->scores.assign(scores.begin(), scores.end());
      report_weights(geometry, weights, 1, "not the row of least score", *report);
    }
    return 1;
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_krum(const RuleOptions& options) {
  return std::make_unique<Krum>(options);
}

}  // namespace detox
