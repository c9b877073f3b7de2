// CAF, the covariance-bound agnostic filter. Allouah, Guerraoui, Stephan: "Towards trustworthy
// federated learning with untrusted participants", ICML 2025: every row begins with weight 1. While
// the weights add up to more than n - 2f: the weighted mean and covariance, its greatest eigenvalue
// and eigenvector v; a row's weight is multiplied by 1 - t_i / max t, t_i = <x_i - mean, v>^2. The
// result is the mean of the round with the least eigenvalue.
//
// The maximum is taken over rows of weight above 0, so each round takes one of them out for good:
// at most 2f + 1 rounds. (Over all rows, as elsewhere, a row that is out already can be the maximum
// for ever.) Rows that are not finite have weight 0 from the start; the result is 0 where no row is
// left. All in the space of the rows: with weights p that add up to 1 and G the centred products,
// the eigenvector u of sqrt(p_i) G_ij sqrt(p_j) gives t_i = lambda u_i^2 / p_i. Cost: the pass for
// distances, at most 2f + 1 rounds of about 60 n^3, one combination.
#include <algorithm>
#include <cmath>
#include <limits>

#include "stages/aggregate/eigen.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

/// The rows of weight above 0, and numbers for each of them.
struct Round {
  std::span<std::uint32_t> rows;
  std::span<double> share, mean_distance, direction;
  std::span<double> products, scratch;
};

/// The variance in the direction in which the rows vary most; sets round.direction.
double spread(const Geometry& geometry, const Round& round) {
  const std::size_t m = round.rows.size();
  double overall = 0;
  for (std::size_t i = 0; i < m; ++i) {
    round.mean_distance[i] = 0;
    for (std::size_t j = 0; j < m; ++j) {
      round.mean_distance[i] +=
          round.share[j] * geometry.squared_distance(round.rows[i], round.rows[j]);
    }
    overall += round.share[i] * round.mean_distance[i];
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const double product = (round.mean_distance[i] + round.mean_distance[j] - overall -
                              geometry.squared_distance(round.rows[i], round.rows[j])) /
                             2;
      round.products[i * m + j] = std::sqrt(round.share[i]) * product * std::sqrt(round.share[j]);
    }
  }
  return top_eigenpair(round.products, round.direction, round.scratch);
}

class Caf final : public GeometryRule {
 public:
  explicit Caf(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace& workspace, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t n = geometry.n;
    const auto current = workspace.take<double>(AggregateSlot::kScores, n);
    for (std::size_t i = 0; i < n; ++i) current[i] = geometry.is_finite(i) ? 1 : 0;
    std::ranges::copy(current, weights.begin());
    double total = sum(current), least = std::numeric_limits<double>::infinity();
    const auto enough = static_cast<double>(n - 2 * options().f);
    while (total > enough) {
      const Round round = begin_round(current, total, workspace);
      const double variance = spread(geometry, round);
      if (variance < least) {
        least = variance;
        std::ranges::copy(current, weights.begin());
      }
      if (variance == 0) break;
      shrink(round, current);
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

  static Round begin_round(std::span<const double> current, double total, Workspace& workspace) {
    const std::size_t n = current.size();
    const auto rows = workspace.take<std::uint32_t>(AggregateSlot::kOrder, n);
    const auto numbers =
        workspace.take<double>(AggregateSlot::kRule, 3 * n + n * n + eigen_scratch(n));
    std::size_t m = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (current[i] == 0) continue;
      rows[m] = static_cast<std::uint32_t>(i);
      numbers[m++] = current[i] / total;
    }
    return {rows.first(m),
            numbers.first(m),
            numbers.subspan(n, m),
            numbers.subspan(2 * n, m),
            numbers.subspan(3 * n, m * m),
            numbers.subspan(3 * n + n * n, eigen_scratch(m))};
  }

  /// The squared deviation of a row in the direction of the round, up to a factor, is u^2 / share.
  static void shrink(const Round& round, std::span<double> current) {
    double most = 0;
    for (std::size_t i = 0; i < round.rows.size(); ++i) {
      round.mean_distance[i] = round.direction[i] * round.direction[i] / round.share[i];
      most = std::max(most, round.mean_distance[i]);
    }
    for (std::size_t i = 0; i < round.rows.size(); ++i) {
      current[round.rows[i]] *= 1 - round.mean_distance[i] / most;
    }
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_caf(const RuleOptions& options) {
  return std::make_unique<Caf>(options);
}

}  // namespace detox
