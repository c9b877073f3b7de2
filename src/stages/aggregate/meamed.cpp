// MeaMed, the mean around the median. Xie, Koyejo, Gupta: "Generalized Byzantine-tolerant SGD",
// arXiv 1802.10116, 2018: per coordinate the mean of the n - f values nearest the median, ties to
// the lower value. In the semantics of byzpy the median of an even number is the lower middle
// value; where others break ties by the number of the row this does not: sorted columns know no
// rows, and nearest values are neighbours there. Every NaN counts as greater than +infinity and is
// at infinite distance, so up to f of them are never among the nearest. Cost: one pass; a sort of n
// values a column.
#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class MeaMed final : public CoordinateRule {
 public:
  explicit MeaMed(const RuleOptions& options) : CoordinateRule(options) {}

 private:
  ColumnReduction reduction(std::size_t n) const override {
    ColumnReduction nearest = median_reduction(n, options().semantics);
    nearest.nearest = n - options().f;
    return nearest;
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_meamed(const RuleOptions& options) {
  return std::make_unique<MeaMed>(options);
}

}  // namespace detox
