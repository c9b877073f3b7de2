// Centered clipping. Karimireddy, He, Jaggi: "Learning from history for Byzantine robust
// optimization", ICML 2021: v <- v + (1 / n) sum of (x_i - v) min(1, tau / |x_i - v|), L times.
// Here from v = 0, or from where the caller says: his own last result is the paper's memory
// (AggregationContext::start, --clip-start last; not finite, it counts as 0). tau is --clip-radius
// and L --clip-rounds. The defaults are those of ByzFL. In the semantics of byzpy v starts at the
// mean of the finite rows (a huge one moves that farther than L tau can bring it back), and L is 10
// unless --clip-rounds is given.
// With weights w_i the sum is that of w_i / (sum of w) times each clipped difference.
//
// A row moves the result by at most L tau / n, whatever it holds; one that is not finite not at
// all. Honest rows farther from v than tau are clipped as well. v is kept as a vector: as a
// combination of rows its distances would be lost beside a row of 1e30. Cost: L times a pass for
// distances and one combination; one vector of d.
#include <algorithm>
#include <cmath>

#include "stages/aggregate/distance_to_point.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class CenteredClipping final : public PointRule<CenteredClipping> {
 public:
  explicit CenteredClipping(const RuleOptions& options) : PointRule(options) {}

 private:
  friend PointRule<CenteredClipping>;

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* report) const {
    const std::size_t n = points.n();
    Workspace::Scope scratch(context.workspace);
    const auto centre = scratch.take<T>(points.d());
    const auto weights = scratch.take<double>(n + 1), squared = scratch.take<double>(n);
    const bool is_byzpy = options().semantics == Semantics::kByzpy;
    const std::size_t rounds = options().clip_rounds > 0 ? options().clip_rounds
                               : is_byzpy                ? 10
                                                         : 1;
    if (!begin_at<T>(context.start, out) && is_byzpy) start_at_mean(points, out, context);
    for (std::size_t round = 0; round < rounds; ++round) {
      std::ranges::copy(out, centre.begin());
      squared_distances_to(points, centre, squared, context);
      const double divisor = weigh(squared, points.weights, weights);
      combine(points, weights, divisor, out, context, centre.data());
      if (report != nullptr && round + 1 == rounds)
        fill_report(squared, weights.first(n), divisor, *report);
    }
  }

  /// Whether there is a start; zeros where not.
  template <class T>
  static bool begin_at(std::span<const float> start, std::span<T> out) {
    const bool is_finite = std::ranges::all_of(start, [](float v) { return std::isfinite(v); });
    std::ranges::fill(out, T{0});
    if (!start.empty() && is_finite) std::ranges::copy(start, out.begin());
    return !start.empty();
  }

  /// Of the finite rows.
  template <class T>
  static void start_at_mean(const Points<T>& points, std::span<T> out,
                            AggregationContext& context) {
    Workspace::Scope scratch(context.workspace);
    const auto norms = scratch.take<double>(points.n()), weights = scratch.take<double>(points.n());
    squared_norms(points, norms, context);
    double count = 0;
    for (std::size_t i = 0; i < norms.size(); ++i) {
      weights[i] = std::isfinite(norms[i]) ? 1 : 0;
      count += weights[i];
    }
    combine(points, weights, std::max(count, 1.0), out, context);
  }

  /// The weights of the rows, and of the centre behind them; returns their sum, n where rows count
  /// the same.
  double weigh(std::span<const double> squared, std::span<const double> counts,
               std::span<double> weights) const {
    const std::size_t n = squared.size();
    double total = 0, all = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double distance = std::sqrt(squared[i]), count = counts.empty() ? 1 : counts[i];
      weights[i] =
          count * (distance <= options().clip_radius ? 1 : options().clip_radius / distance);
      total += weights[i];
      all += count;
    }
    weights[n] = all - total;
    return all;
  }

  static void fill_report(std::span<const double> squared, std::span<const double> weights,
                          double divisor, AggregationReport& report) {
    report_weights({squared.size(), {}, squared}, weights, divisor, "not finite", report);
    for (const double distance : squared) report.scores.push_back(std::sqrt(distance));
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_centered_clipping(const RuleOptions& options) {
  return std::make_unique<CenteredClipping>(options);
}

}  // namespace detox
