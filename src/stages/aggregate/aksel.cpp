// Aksel. Boussetta, El Mhamdi, Guerraoui, Maurer, Rouault: "AKSEL: fast Byzantine SGD", OPODIS
// 2020: the mean of the floor((n + 1) / 2) rows nearest the coordinate-wise median, ties to the
// lowest index. Rows that are not finite are never chosen, and do not take the median out of the
// honest values while there are at most f; with more of them the mean is over fewer rows, and 0
// where none is left or the median itself is not finite. Cost: the median; a pass for the distances
// to it; one combination.
#include <algorithm>
#include <cmath>

#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/distance_to_point.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"

namespace detox {
namespace {

class Aksel final : public PointRule<Aksel> {
 public:
  explicit Aksel(const RuleOptions& options) : PointRule(options) {}

 private:
  friend PointRule<Aksel>;

  template <class T>
  static void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
                  AggregationReport* report) {
    const std::size_t n = points.n();
    reduce_columns(points, median_reduction(n), out, context);
    const bool has_median = std::ranges::all_of(out, [](T value) { return std::isfinite(value); });
    if (!has_median) std::ranges::fill(out, T{0});
    Workspace::Scope scratch(context.workspace);
    const auto scores = scratch.take<double>(n);
    squared_distances_to(points, out, scores, context);
    const auto weights = scratch.take<double>(n);
    std::ranges::fill(weights, 0.0);
    // A row is finite where its distance is: that is all that selection asks of norms.
    const Geometry geometry{n, {}, scores};
    const Least nearest{scores, has_median ? (n + 1) / 2 : 0, "far from the median"};
    const double divisor = take_least(geometry, nearest, scratch, weights, report);
    combine(points, weights, divisor, out, context);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_aksel(const RuleOptions& options) {
  return std::make_unique<Aksel>(options);
}

}  // namespace detox
