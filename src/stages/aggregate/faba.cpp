// FABA. Xia, Tao, Hao, Li: "FABA: an algorithm for fast aggregation against Byzantine attacks in
// distributed neural networks", IJCAI 2019: f times the row farthest from the mean of those that
// are left is dropped, ties to the highest index; the result is the mean of the rest. Rows that are
// not finite are farthest of all: they go first, and where there are more than f of them, all of
// them; the result is 0 where no row is left. Cost: the pass for distances, f n^2, one combination.
#include <algorithm>
#include <limits>

#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

class Faba final : public GeometryRule {
 public:
  explicit Faba(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace& workspace, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t n = geometry.n;
    const auto scores = workspace.take<double>(AggregateSlot::kScores, n);
    std::size_t dropped = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const bool finite = geometry.is_finite(i);
      weights[i] = finite ? 1 : 0;
      scores[i] = finite ? 0 : std::numeric_limits<double>::infinity();
      dropped += finite ? 0 : 1;
    }
    for (; dropped < options().f; ++dropped) drop_farthest(geometry, weights, scores);
    const double divisor = mean_of_taken(geometry, weights, "farthest from the mean", report);
    if (report != nullptr) report->scores.assign(scores.begin(), scores.end());
    return divisor;
  }

  /// Of the rows in use; their scores become n' |x_i - mean|^2 up to what they have in common, the
  /// sum of squared distances to the others.
  static void drop_farthest(const Geometry& geometry, std::span<double> weights,
                            std::span<double> scores) {
    std::size_t farthest = geometry.n;
    for (std::size_t i = 0; i < geometry.n; ++i) {
      if (weights[i] == 0) continue;
      scores[i] = 0;
      for (std::size_t j = 0; j < geometry.n; ++j) {
        if (weights[j] != 0) scores[i] += geometry.squared_distance(i, j);
      }
      if (farthest == geometry.n || scores[i] >= scores[farthest]) farthest = i;
    }
    weights[farthest] = 0;
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_faba(const RuleOptions& options) {
  return std::make_unique<Faba>(options);
}

}  // namespace detox
