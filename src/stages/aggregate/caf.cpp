// CAF, the covariance-bound agnostic filter. Allouah, Guerraoui, Stephan: "Towards trustworthy
// federated learning with untrusted participants", ICML 2025: every row begins with weight 1. While
// the weights add up to more than n - 2f: the weighted mean and covariance, its greatest eigenvalue
// and eigenvector v; a row's weight is multiplied by 1 - t_i / max t, t_i = <x_i - mean, v>^2. The
// result is the mean of the round with the least eigenvalue.
//
// The maximum is taken over rows of weight above 0, so each round takes one of them out for good:
// at most 2f + 1 rounds. (Over all rows, as elsewhere, a row that is out already can be the maximum
// for ever.) Rows that are not finite have weight 0 from the start; the result is 0 where no row is
// left. Cost: the pass for distances, at most 2f + 1 rounds of about 60 n^3, one combination.
#include <algorithm>
#include <limits>

#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/spread.hpp"

namespace detox {
namespace {

class Caf final : public GeometryRule {
 public:
  explicit Caf(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t n = geometry.n;
    const auto current = scratch.take<double>(n);
    for (std::size_t i = 0; i < n; ++i) current[i] = geometry.is_finite(i) ? 1 : 0;
    std::ranges::copy(current, weights.begin());
    double total = sum(current), least = std::numeric_limits<double>::infinity();
    const auto enough = static_cast<double>(n - 2 * options().f);
    const WeightedRows room = take_weighted_rows(n, scratch);
    while (total > enough) {
      const WeightedRows weighted = rows_in_use(current, total, room);
      const double variance = top_spread(geometry, weighted);
      if (variance < least) {
        least = variance;
        std::ranges::copy(current, weights.begin());
      }
      if (variance == 0) break;
      shrink(weighted, current);
      total = sum(current);
    }
    if (report != nullptr) {
      for (std::size_t i = 0; i < n; ++i) {
        report->scores.push_back(geometry.is_finite(i) ? 1 - current[i]
                                                       : std::numeric_limits<double>::infinity());
      }
      report_weights(geometry, weights, std::max(sum(weights), 1.0), "filtered out", *report);
    }
    return std::max(sum(weights), 1.0);
  }

  static double sum(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
  }

  static WeightedRows rows_in_use(std::span<const double> current, double total,
                                  WeightedRows weighted) {
    std::size_t m = 0;
    for (std::size_t i = 0; i < current.size(); ++i) {
      if (current[i] == 0) continue;
      weighted.rows[m] = static_cast<std::uint32_t>(i);
      weighted.share[m++] = current[i] / total;
    }
    weighted.rows = weighted.rows.first(m);
    return weighted;
  }

  static void shrink(const WeightedRows& weighted, std::span<double> current) {
    const std::span<const double> deviation = weighted.deviation.first(weighted.rows.size());
    const double most = *std::ranges::max_element(deviation);
    for (std::size_t i = 0; i < deviation.size(); ++i)
      current[weighted.rows[i]] *= 1 - deviation[i] / most;
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_caf(const RuleOptions& options) {
  return std::make_unique<Caf>(options);
}

}  // namespace detox
