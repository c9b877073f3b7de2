// Coordinate-wise median. Yin, Chen, Ramchandran, Bartlett: "Byzantine-Robust Distributed Learning:
// Towards Optimal Statistical Rates", ICML 2018. For even n the mean of the two middle values, as
// NumPy (in double: it cannot overflow); the lower one in the semantics of byzpy. Every NaN counts
// as greater than +infinity, so up to f of them leave the result between honest values. Cost: one
// pass; a sorting network, pruned to the middle.
//
// With weights: the value up to which half of the weight lies, the mean of two where exactly half
// lies up to the first. That takes a sort of all values, with their rows.
#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class CoordMedian final : public CoordinateRule {
 public:
  explicit CoordMedian(const RuleOptions& options) : CoordinateRule(options) {}

 private:
  ColumnReduction reduction(std::size_t n) const override {
    return median_reduction(n, options().semantics);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_coord_median(const RuleOptions& options) {
  return std::make_unique<CoordMedian>(options);
}

}  // namespace detox
