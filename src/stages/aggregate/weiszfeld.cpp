// The geometric median as ByzFL and ByzPy have it: Weiszfeld's rounds z <- sum of w_i x_i / sum of
// w_i, w_i = 1 / max(|x_i - z|, floor), on whole vectors, so that a start that is no row, and rows
// of 1e30, keep their distances.
//
// byzfl: from z = 0, exactly 3 rounds, floor 0.1. byzpy: from the coordinate-wise lower median,
// until a round moves z by at most 1e-6, at most 256 rounds, floor 1e-12. Deviation: rows that are
// not finite are left out from the start, the median included (ByzPy returns NaN for them); 0 where
// none is left. The floors have a size: rows within 0.1 of z all weigh as much for byzfl, and its 3
// rounds from 0 are not at the median of rows that lie far from 0. Cost: a pass for distances and
// one combination a round; one vector of d.
#include "stages/aggregate/weiszfeld.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/distance_to_point.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/point_rule.hpp"

namespace detox {
namespace {

constexpr std::size_t kByzflRounds = 3, kByzpyRounds = 256;
constexpr double kByzflFloor = 0.1, kByzpyFloor = 1e-12, kByzpyTolerance = 1e-6;

class PlainWeiszfeld final : public PointRule<PlainWeiszfeld> {
 public:
  explicit PlainWeiszfeld(const RuleOptions& options) : PointRule(options) {}

 private:
  friend PointRule<PlainWeiszfeld>;

  bool is_byzpy() const { return options().semantics == Semantics::kByzpy; }

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* report) const {
    const std::size_t n = points.n();
    Workspace::Scope scratch(context.workspace);
    const auto centre = scratch.take<T>(points.d());
    const auto weights = scratch.take<double>(n), squared = scratch.take<double>(n);
    std::ranges::fill(out, T{0});
    if (is_byzpy()) start_at_median(points, out, context);
    const std::size_t rounds = is_byzpy() ? kByzpyRounds : kByzflRounds;
    for (std::size_t round = 0; round < rounds; ++round) {
      std::ranges::copy(out, centre.begin());
      squared_distances_to(points, centre, squared, context);
      const double total = weigh(squared, weights);
      combine(points, weights, std::max(total, 1e-300), out, context);
      if (is_byzpy() && moved<T>(centre, out, context) <= kByzpyTolerance) break;
    }
    if (report != nullptr) {
      squared_distances_to(points, out, squared, context);
      const double total = weigh(squared, weights);
      report_weights({n, {}, squared}, weights, std::max(total, 1e-300), "not finite", *report);
      for (const double distance : squared) report->scores.push_back(std::sqrt(distance));
    }
  }

  /// Sets the weights of a round and returns their sum. Rows that are not finite are at infinite
  /// distance and get 0.
  double weigh(std::span<const double> squared, std::span<double> weights) const {
    const double floor = is_byzpy() ? kByzpyFloor : kByzflFloor;
    double total = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = 1 / std::max(std::sqrt(squared[i]), floor);
      total += weights[i];
    }
    return total;
  }

  template <class T>
  static void start_at_median(const Points<T>& points, std::span<T> out,
                              AggregationContext& context) {
    Workspace::Scope scratch(context.workspace);
    const auto norms = scratch.take<double>(points.n());
    squared_norms(points, norms, context);
    const auto finite = scratch.take<std::uint32_t>(norms.size());
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < norms.size(); ++i) {
      if (std::isfinite(norms[i])) finite[count++] = i;
    }
    if (count == 0) return;
    reduce_columns(subset(points, finite.first(count), scratch),
                   median_reduction(count, Semantics::kByzpy), out, context);
  }

  template <class T>
  static double moved(std::span<const T> from, std::span<const T> to, AggregationContext& context) {
    const std::array<const T*, 1> row{to.data()};
    const Points<T> point{{row, to.size()}, {}, nullptr};
    std::array<double, 1> squared{};
    squared_distances_to(point, from, squared, context);
    return std::sqrt(squared[0]);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_plain_weiszfeld(const RuleOptions& options) {
  return std::make_unique<PlainWeiszfeld>(options);
}

}  // namespace detox
