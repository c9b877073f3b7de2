// DnC, divide and conquer. Shejwalkar, Houmansadr: "Manipulating the Byzantine: optimizing model
// poisoning attacks and defenses for federated learning", NDSS 2021, algorithm 2: on b coordinates
// drawn at random, a row's score is its squared deviation from the mean in the direction of most
// variance (the top right singular vector of the centred rows); the n - f rows of least score are
// kept, and the result is the mean of the rows that were kept in every one of so many rounds. Here
// b = 10000 and 5 rounds; the paper's filtering fraction c is 1.
//
// The draw takes one coordinate out of each of b equal ranges: distinct, in order, no memory.
// Scores come from the distances of the drawn columns (spread.hpp), the left singular vector in
// place of the right one. Deviations: rows that are not finite are never kept, and count among the
// f; where no row was kept in every round, those that were dropped least often are (2f + 1 rows
// need not agree over 5 rounds). A hostile row that hides behind a larger one is not seen: there is
// no bound on how far f rows move the result. Cost: a pass for norms, 5 times n^2 b / 2 and 60 n^3,
// and one combination;
// n x b numbers, and 5 KB from the heap for every round's stream.
#include <algorithm>
#include <functional>

#include "stages/aggregate/distance_to_point.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"
#include "stages/aggregate/spread.hpp"

namespace detox {
namespace {

constexpr std::size_t kDrawn = 10000, kRounds = 5;

/// One coordinate of each of as many equal ranges of [0, d) as there are.
void draw_coordinates(std::size_t d, const Key& key, std::span<std::size_t> drawn) {
  RandomStream random(key);
  for (std::size_t k = 0; k < drawn.size(); ++k) {
    const std::size_t begin = k * d / drawn.size(), end = (k + 1) * d / drawn.size();
    drawn[k] = begin + random.below(end - begin);
  }
}

/// The drawn columns of point i.
template <class T>
void draw_columns_of(const Points<T>& points, std::size_t i, std::span<const std::size_t> drawn,
                     std::span<T> row) {
  for (std::size_t k = 0; k < drawn.size(); ++k) {
    if (!points.is_mixed()) {
      row[k] = points.row_value(i, drawn[k]);
      continue;
    }
    double sum = 0;
    for (std::size_t j = 0; j < points.m(); ++j) {
      const double share = points.mix_of(i)[j];
      if (share != 0) sum += share * static_cast<double>(points.row_value(j, drawn[k]));
    }
    row[k] = static_cast<T>(sum);
  }
}

/// The drawn columns of the points; zeros for those that are not finite. Views the scratch memory.
template <class T>
Points<T> draw_columns(const Points<T>& points, const Geometry& norms,
                       std::span<const std::size_t> drawn, AggregationContext& context,
                       Workspace::Scope& scratch) {
  const std::size_t n = points.n(), b = drawn.size();
  const auto values = scratch.take<T>(n * b);
  const auto rows = scratch.take<const T*>(n);
  const auto draw = [&](std::size_t i, std::size_t) {
    const std::span<T> row = values.subspan(i * b, b);
    rows[i] = row.data();
    std::ranges::fill(row, T{0});
    if (norms.is_finite(i)) draw_columns_of<T>(points, i, drawn, row);
  };
  context.pool.parallel_for(n, std::cref(draw));
  return {{rows, b}, {}, nullptr};
}

class Dnc final : public PointRule<Dnc> {
 public:
  explicit Dnc(const RuleOptions& options) : PointRule(options) {}

 private:
  friend PointRule<Dnc>;

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* report) const {
    const std::size_t n = points.n(), d = points.d();
    Workspace::Scope scratch(context.workspace);
    const auto known = scratch.take<double>(n);
    squared_norms(points, known, context);
    const Geometry norms{n, {}, known};
    const auto weights = scratch.take<double>(n), dropped = scratch.take<double>(n);
    keep_finite(norms, weights, dropped);
    const auto drawn = scratch.take<std::size_t>(std::min(kDrawn, d));
    for (std::size_t round = 0; round < kRounds; ++round) {
      draw_coordinates(d, derive_key(context.key, "dnc", {context.step, round}), drawn);
      Workspace::Scope of_round(context.workspace);
      const Points<T> columns = draw_columns(points, norms, drawn, context, of_round);
      drop(measure(columns, context, of_round), norms, of_round, dropped);
    }
    const double least = *std::ranges::min_element(dropped);
    for (std::size_t i = 0; i < n; ++i) weights[i] *= dropped[i] == least ? 1 : 0;
    const double divisor =
        mean_of_taken(norms, weights, "far out in the direction of most variance", report);
    if (report != nullptr) report->scores.assign(dropped.begin(), dropped.end());
    combine(points, weights, divisor, out, context);
  }

  /// Counts one more time for all but the n - f rows that deviate least.
  void drop(const Geometry& geometry, const Geometry& norms, Workspace::Scope& scratch,
            std::span<double> dropped) const {
    const std::size_t n = geometry.n;
    WeightedRows weighted = take_weighted_rows(n, scratch);
    std::size_t m = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (norms.is_finite(i)) weighted.rows[m++] = static_cast<std::uint32_t>(i);
    }
    if (m <= n - options().f) return;
    weighted.rows = weighted.rows.first(m);
    std::ranges::fill(weighted.share.first(m), 1 / static_cast<double>(m));
    top_spread(geometry, weighted);
    const auto order = scratch.take<std::uint32_t>(m);
    for (std::size_t k = 0; k < m; ++k) order[k] = static_cast<std::uint32_t>(k);
    const std::span<const double> score = weighted.deviation;
    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
      return score[a] != score[b] ? score[a] < score[b] : a < b;
    });
    for (const std::uint32_t k : order.subspan(n - options().f)) dropped[weighted.rows[k]] += 1;
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_dnc(const RuleOptions& options) {
  return std::make_unique<Dnc>(options);
}

}  // namespace detox
