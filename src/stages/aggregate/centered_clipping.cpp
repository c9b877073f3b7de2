// Centered clipping. Karimireddy, He, Jaggi: "Learning from history for Byzantine robust
// optimization", ICML 2021: v <- v + (1 / n) sum of (x_i - v) min(1, tau / |x_i - v|), L times.
// Here from v = 0, or from where the caller says: his own last result is the paper's memory
// (AggregationContext::start, --clip-start last). tau is --clip-radius and L --clip-rounds. The
// defaults are those of ByzFL. A start that is not finite counts as 0.
//
// A row moves the result by at most L tau / n, whatever it holds; one that is not finite not at
// all. Honest rows farther from v than tau are clipped as well. v is kept as a vector: as a
// combination of rows its distances would be lost beside a row of 1e30. Cost: L times a pass for
// distances and one combination; one vector of d.
#include <algorithm>
#include <cmath>

#include "base/assert.hpp"
#include "stages/aggregate/distance_to_point.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/slots.hpp"

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
    Workspace& workspace = context.workspace;
    const auto centre = workspace.take<T>(AggregateSlot::kVector, points.d());
    const auto weights = workspace.take<double>(AggregateSlot::kWeights, n + 1);
    begin_at<T>(context.start, out);
    for (std::size_t round = 0; round < options().clip_rounds; ++round) {
      std::ranges::copy(out, centre.begin());
      const std::span<const double> squared = squared_distances_to(points, centre, context);
      weigh(squared, weights);
      combine(points, weights, static_cast<double>(n), out, context, centre.data());
      if (report != nullptr && round + 1 == options().clip_rounds)
        fill_report(squared, weights.first(n), *report);
    }
  }

  template <class T>
  static void begin_at(std::span<const float> start, std::span<T> out) {
    DETOX_ASSERT(start.empty() || start.size() == out.size());
    const bool is_known = std::ranges::all_of(start, [](float v) { return std::isfinite(v); });
    if (start.empty() || !is_known) {
      std::ranges::fill(out, T{0});
    } else {
      std::ranges::copy(start, out.begin());
    }
  }

  /// n times the weights of the rows, and of the centre behind them.
  void weigh(std::span<const double> squared, std::span<double> weights) const {
    const std::size_t n = squared.size();
    double total = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double distance = std::sqrt(squared[i]);
      weights[i] = distance <= options().clip_radius ? 1 : options().clip_radius / distance;
      total += weights[i];
    }
    weights[n] = static_cast<double>(n) - total;
  }

  static void fill_report(std::span<const double> squared, std::span<const double> weights,
                          AggregationReport& report) {
    report_weights({squared.size(), {}, squared}, weights, static_cast<double>(squared.size()),
                   "not finite", report);
    for (const double distance : squared) report.scores.push_back(std::sqrt(distance));
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_centered_clipping(const RuleOptions& options) {
  return std::make_unique<CenteredClipping>(options);
}

}  // namespace detox
