// The mean, as in training without attackers. One hostile row moves it anywhere; values that are
// not finite go through. Sums are taken in double and rounded once. With weights the weighted mean,
// in which rows of weight 0 are not read. Cost: one pass.
#include <algorithm>
#include <numeric>

#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/row_weights.hpp"

namespace detox {
namespace {

class Normal final : public PointRule<Normal> {
 public:
  explicit Normal(const RuleOptions& options) : PointRule(options) {}

 private:
  friend PointRule<Normal>;

  template <class T>
  static void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
                  AggregationReport* report) {
    auto divisor = static_cast<double>(points.n());
    Workspace::Scope scratch(context.workspace);
    const auto weights = scratch.take<double>(points.n());
    if (points.weights.empty()) {
      std::fill(weights.begin(), weights.end(), 1.0);
    } else {
      divisor = total_weight(points.weights, weights);
      std::ranges::copy(points.weights, weights.begin());
    }
    combine(points, weights, divisor, out, context);
    if (report != nullptr) {
      for (const double weight : weights) report->weights.push_back(weight / divisor);
      report->selected.resize(points.n());
      std::iota(report->selected.begin(), report->selected.end(), std::size_t{0});
    }
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_normal(const RuleOptions& options) {
  return std::make_unique<Normal>(options);
}

}  // namespace detox
