// Phocas. Xie, Koyejo, Gupta: "Phocas: dimensional Byzantine-resilient stochastic gradient
// descent", arXiv 1805.09682, 2018: per coordinate the mean of the n - f values nearest the trimmed
// mean (without the f lowest and the f highest), ties to the lower value. Every NaN counts as
// greater than +infinity, so up to f of them are neither in the trimmed mean nor near it. Cost: one
// pass; a sort of n values a column.
#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class Phocas final : public CoordinateRule {
 public:
  explicit Phocas(const RuleOptions& options) : CoordinateRule(options) {}

 private:
  ColumnReduction reduction(std::size_t n) const override {
    const std::size_t f = options().f;
    return {f, n - f, n - f};
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_phocas(const RuleOptions& options) {
  return std::make_unique<Phocas>(options);
}

}  // namespace detox
