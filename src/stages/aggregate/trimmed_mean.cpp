// Coordinate-wise trimmed mean. Yin, Chen, Ramchandran, Bartlett: "Byzantine-Robust Distributed
// Learning: Towards Optimal Statistical Rates", ICML 2018. The f lowest and f highest values of
// each column are dropped (the paper drops a fraction beta >= f / n), by selection and never by
// subtraction. Every NaN counts as greater than +infinity, so up to f of them are dropped. Cost:
// one pass; a sorting network, pruned to the part that stays.
//
// With weights: what is dropped at each end is the weight that the f heaviest rows have (f / n
// where all have the same), of a value at the border a part. Less would let f hostile rows
// that are heavier than others into the mean.
#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class TrimmedMean final : public CoordinateRule {
 public:
  explicit TrimmedMean(const RuleOptions& options) : CoordinateRule(options) {}

 private:
  ColumnReduction reduction(std::size_t n) const override {
    return {options().f, n - options().f, 0};
  }
  double trimmed_weight(std::span<const double> weights, double /*total*/,
                        std::span<double> scratch) const override {
    return heaviest(weights, options().f, scratch);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_trimmed_mean(const RuleOptions& options) {
  return std::make_unique<TrimmedMean>(options);
}

}  // namespace detox
