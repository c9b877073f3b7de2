// Bulyan. El Mhamdi, Guerraoui, Rouault: "The Hidden Vulnerability of Distributed Learning in
// Byzantium", ICML 2018.
//
// Variant paper: theta = n - 2f rows are selected one by one, each time the row of least Krum score
// among the n' that are left, with max(1, n' - f - 2) neighbours (the paper leaves the case n' < f
// + 3 open); then per coordinate the mean of the theta - 2f values nearest the median, ties to the
// lower value. Variant detox, as in the original DETOX: theta = n - f - 2 rows by one scoring; then
// the theta - 2f central values.
//
// Rows that are not finite are never selected, so up to f of them never matter; with more of them
// fewer rows are selected and at least one value is kept, and the result is 0 where no row is left.
// Scores in the report are those of the first round. Cost: the pass for distances, O(n^2 log n +
// theta n^2), and one pass over theta rows.
#include <algorithm>
#include <limits>
#include <numeric>

#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/krum_score.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

/// Row numbers, (n, n): in each row its others by ascending distance; the row itself is last.
std::span<std::uint32_t> neighbours_by_distance(const Geometry& geometry,
                                                Workspace::Scope& scratch) {
  const std::size_t n = geometry.n;
  const auto neighbours = scratch.take<std::uint32_t>(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = neighbours.subspan(i * n, n);
    std::iota(row.begin(), row.end(), 0U);
    std::swap(row[i], row[n - 1]);
    const std::span<const double> distances = geometry.distances_of(i);
    std::sort(row.begin(), row.end() - 1, [&](std::uint32_t a, std::uint32_t b) {
      return distances[a] != distances[b] ? distances[a] < distances[b] : a < b;
    });
  }
  return neighbours;
}

/// Krum among the rows that are left; kNobody where none of them is finite.
std::uint32_t best_left(const Geometry& geometry, std::span<const std::uint32_t> neighbours,
                        std::span<const bool> left, std::size_t count) {
  const std::size_t n = geometry.n;
  std::uint32_t best = kNobody;
  double best_score = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!left[i] || !geometry.is_finite(i)) continue;
    double score = 0;
    std::size_t added = 0;
    for (std::size_t k = 0; k + 1 < n && added < count; ++k) {
      const std::uint32_t other = neighbours[i * n + k];
      if (!left[other]) continue;
      score += geometry.squared_distance(i, other);
      ++added;
    }
    if (best == kNobody || score < best_score) {
      best = i;
      best_score = score;
    }
  }
  return best;
}

class Bulyan final : public PointRule<Bulyan> {
 public:
  explicit Bulyan(const RuleOptions& options) : PointRule(options) {}

 private:
  friend PointRule<Bulyan>;

  /// The selected rows, ascending. Views the scratch memory.
  std::span<const std::uint32_t> select(const Geometry& geometry, Workspace::Scope& scratch,
                                        AggregationReport* report) const {
    const std::size_t n = geometry.n, f = options().f;
    const std::span<const double> scores = krum_scores(geometry, n - f - 2, scratch);
    if (report != nullptr) report->scores.assign(scores.begin(), scores.end());
    const std::span<std::uint32_t> order = rows_by_score(geometry, scores, scratch);
    std::size_t selected = 0;
    if (options().bulyan_variant == BulyanVariant::kDetox) {
      const std::size_t theta = n - f - 2;
      while (selected < theta && geometry.is_finite(order[selected])) ++selected;
    } else {
      const std::size_t theta = n - 2 * f;
      Workspace::Scope within(scratch.workspace());
      const auto neighbours = neighbours_by_distance(geometry, within);
      const auto left = within.take<bool>(n);
      std::fill(left.begin(), left.end(), true);
      for (; selected < theta; ++selected) {
        const std::size_t others = n - selected;
        const std::size_t count = others > f + 3 ? others - f - 2 : 1;
        const std::uint32_t best = best_left(geometry, neighbours, left, count);
        if (best == kNobody) break;
        left[best] = false;
        order[selected] = best;
      }
    }
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(selected));
    return order.first(selected);
  }

  ColumnReduction second_stage(std::size_t theta) const {
    const std::size_t f = options().f;
    if (options().bulyan_variant == BulyanVariant::kDetox) {
      const std::size_t trimmed = std::min(f, (theta - 1) / 2);
      return {trimmed, theta - trimmed, 0};
    }
    ColumnReduction nearest = median_reduction(theta);
    nearest.nearest = theta > 2 * f ? theta - 2 * f : 1;
    return nearest;
  }

  static void fill_report(const Geometry& geometry, std::span<const std::uint32_t> selected,
                          AggregationReport& report) {
    report.selected.assign(selected.begin(), selected.end());
    for (std::size_t i = 0; i < geometry.n; ++i) {
      if (std::binary_search(selected.begin(), selected.end(), i)) continue;
      report.rejected.push_back({i, geometry.is_finite(i) ? "not selected by krum" : "not finite"});
    }
  }

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* report) const {
    Workspace::Scope scratch(context.workspace);
    const Geometry geometry = measure(points, context, scratch);
    const auto selected = select(geometry, scratch, report);
    if (report != nullptr) fill_report(geometry, selected, *report);
    if (selected.empty()) return static_cast<void>(std::fill(out.begin(), out.end(), T{0}));
    reduce_columns(subset(points, selected, scratch), second_stage(selected.size()), out, context);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_bulyan(const RuleOptions& options) {
  return std::make_unique<Bulyan>(options);
}

}  // namespace detox
