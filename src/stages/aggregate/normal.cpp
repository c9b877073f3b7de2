// The mean, as in training without attackers. One hostile row moves it anywhere; values that are
// not finite go through. Sums are taken in double and rounded once. Cost: one pass.
#include <algorithm>
#include <numeric>

#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

class Normal final : public Aggregator {
 public:
  explicit Normal(const RuleOptions& options) : Aggregator(options) {}

 private:
  template <class T>
  static void run(const Rows<T>& rows, std::span<T> out, AggregationContext& context,
                  AggregationReport* report) {
    const auto n = static_cast<double>(rows.n());
    const auto weights = context.workspace.take<double>(AggregateSlot::kWeights, rows.n());
    std::fill(weights.begin(), weights.end(), 1.0);
    combine(rows, weights, n, out, context);
    if (report != nullptr) {
      report->weights.assign(rows.n(), 1 / n);
      report->selected.resize(rows.n());
      std::iota(report->selected.begin(), report->selected.end(), std::size_t{0});
    }
  }
  void reduce(const Rows<float>& rows, std::span<float> out, AggregationContext& context,
              AggregationReport* report) const override {
    run(rows, out, context, report);
  }
  void reduce(const Rows<double>& rows, std::span<double> out, AggregationContext& context,
              AggregationReport* report) const override {
    run(rows, out, context, report);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_normal(const RuleOptions& options) {
  return std::make_unique<Normal>(options);
}

}  // namespace detox
