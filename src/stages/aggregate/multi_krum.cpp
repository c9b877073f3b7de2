// Multi-Krum. Blanchard, El Mhamdi, Guerraoui, Stainer: "Machine Learning with Adversaries:
// Byzantine Tolerant Gradient Descent", NeurIPS 2017. The mean of the m rows of least Krum score,
// ties to the lowest index; m = n - f - 2 unless --krum-select says otherwise (at most n - f, or a
// hostile row would always be among them). In the semantics of byzfl and byzpy scores count n - f -
// 1 others and m = n - f unless --krum-select says otherwise. Rows that are not finite are never
// chosen: with more than f of them the mean may be over fewer than m rows, and is 0 where no row is
// left. Cost: the pass for distances, O(n^2 log n), and one combination of m rows.
#include <fmt/format.h>

#include <algorithm>

#include "stages/aggregate/krum_score.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class MultiKrum final : public GeometryRule {
 public:
  explicit MultiKrum(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t neighbours = krum_neighbours(options(), geometry.n);
    const std::span<const double> scores = krum_scores(geometry, neighbours, scratch);
    std::size_t selected = 0;
    for (const std::size_t row :
         rows_by_score(geometry, scores, scratch).first(selects(geometry.n))) {
      if (!geometry.is_finite(row)) break;
      weights[row] = 1;
      ++selected;
    }
    const auto divisor = static_cast<double>(std::max<std::size_t>(selected, 1));
    if (report != nullptr) {
      report->scores.assign(scores.begin(), scores.end());
      report_weights(geometry, weights, divisor, "not among the m best", *report);
    }
    return divisor;
  }

  /// m.
  std::size_t selects(std::size_t n) const {
    if (options().krum_select > 0) return options().krum_select;
    return n - options().f - (options().semantics == Semantics::kPaper ? 2 : 0);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_multi_krum(const RuleOptions& options) {
  return std::make_unique<MultiKrum>(options);
}

std::string unmet_multi_krum(const RuleOptions& options, std::size_t n) {
  if (options.krum_select <= n - options.f) return {};
  return fmt::format("multi-krum needs krum-select <= n - f: krum-select = {}, n = {}, f = {}",
                     options.krum_select, n, options.f);
}

}  // namespace detox
