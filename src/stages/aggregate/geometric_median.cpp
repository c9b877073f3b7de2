// Geometric median by the smoothed Weiszfeld algorithm. Pillutla, Kakade, Harchaoui: "Robust
// Aggregation for Federated Learning", arXiv 1912.13445, 2019: z <- sum of beta_i x_i / sum of
// beta_i, beta_i = 1 / max(nu, |z - x_i|).
//
// z is never formed: it is a combination w of rows, and |x_i - z|^2 = sum_j w_j D_ij - sum_jk w_j
// w_k D_jk / 2. Choices: the scale s is the (lower) median distance from the medoid; nu = 1e-6 s;
// it stops when z moves by at most tolerance * s, or after 1000 rounds. It starts at the medoid,
// which is the answer where the pull of the others does not exceed the number of rows there, and
// else leaves it by the step of Vardi and Zhang (PNAS 97, 2000): plain Weiszfeld is stuck on a row.
// Deviation: rows that are not finite, or farther than 1000 s from the medoid, are left out.
// Squared distances with a relative error of 1e-6 say nothing about the direction of a row of 1e30;
// honest rows are not among them, since half of all rows are within s. Where no row is finite the
// result is 0. Cost: the pass for distances, O(n^2) a round, and one combination.
#include <algorithm>
#include <cmath>
#include <limits>

#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

constexpr double kSmoothing = 1e-6;
constexpr double kFarthest = 1000;
constexpr int kMostRounds = 1000;

/// The row with the least sum of distances to the finite rows; n where none is finite.
std::size_t medoid(const Geometry& geometry) {
  std::size_t best = geometry.n;
  double least = 0;
  for (std::size_t i = 0; i < geometry.n; ++i) {
    if (!geometry.is_finite(i)) continue;
    double sum = 0;
    for (std::size_t j = 0; j < geometry.n; ++j) {
      if (geometry.is_finite(j)) sum += std::sqrt(geometry.squared_distance(i, j));
    }
    if (best == geometry.n || sum < least) {
      best = i;
      least = sum;
    }
  }
  return best;
}

/// The lower median of the distances from the centre to the other finite rows; 0 where there is
/// none.
double median_distance(const Geometry& geometry, std::size_t centre, std::span<double> scratch) {
  std::size_t count = 0;
  for (std::size_t j = 0; j < geometry.n; ++j) {
    if (j == centre || !geometry.is_finite(j)) continue;
    scratch[count++] = std::sqrt(geometry.squared_distance(centre, j));
  }
  if (count == 0) return 0;
  const auto middle = scratch.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
  std::nth_element(scratch.begin(), middle, scratch.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

/// sum over j, k of a_j a_k D_jk over the rows in use.
double quadratic_form(const Geometry& geometry, std::span<const bool> used,
                      std::span<const double> a) {
  double sum = 0;
  for (std::size_t j = 0; j < geometry.n; ++j) {
    if (!used[j] || a[j] == 0) continue;
    double inner = 0;
    for (std::size_t k = 0; k < geometry.n; ++k) {
      if (used[k]) inner += a[k] * geometry.squared_distance(j, k);
    }
    sum += a[j] * inner;
  }
  return sum;
}

/// Distance of row i to the point with these weights, of which half_form = quadratic_form / 2.
double distance_to(const Geometry& geometry, std::span<const bool> used, std::size_t i,
                   std::span<const double> weights, double half_form) {
  double sum = 0;
  for (std::size_t j = 0; j < geometry.n; ++j) {
    if (used[j]) sum += weights[j] * geometry.squared_distance(i, j);
  }
  return std::sqrt(std::max(sum - half_form, 0.0));
}

/// The first step, away from the medoid. False where the medoid is the answer; weights are set
/// either way.
bool leave_medoid(const Geometry& geometry, std::span<const bool> used, std::size_t centre,
                  std::span<double> weights) {
  const std::size_t n = geometry.n;
  double total = 0, here = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const double squared = geometry.squared_distance(centre, j);
    weights[j] = used[j] && squared > 0 ? 1 / std::sqrt(squared) : 0;
    here += used[j] && squared == 0 ? 1 : 0;
    total += weights[j];
  }
  // |sum of unit vectors towards the others|^2, from <x_j - c, x_k - c> = (D_jc + D_kc - D_jk) / 2.
  double pull = 0;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < n && weights[j] > 0; ++k) {
      if (!(weights[k] > 0)) continue;
      const double product =
          (geometry.squared_distance(j, centre) + geometry.squared_distance(k, centre) -
           geometry.squared_distance(j, k)) /
          2;
      pull += product * weights[j] * weights[k];
    }
  }
  pull = std::sqrt(std::max(pull, 0.0));
  const bool leaves = pull > here;
  const double stay = leaves ? here / pull : 1;
  for (double& weight : weights) weight = leaves ? weight / total * (1 - stay) : 0;
  weights[centre] = stay;
  return leaves;
}

class GeometricMedian final : public GeometryRule {
 public:
  explicit GeometricMedian(const RuleOptions& options) : GeometryRule(options) {}

 private:
  void iterate(const Geometry& geometry, std::span<const bool> used, double scale,
               std::span<double> weights, std::span<double> scratch) const {
    const std::size_t n = geometry.n;
    const auto next = scratch.first(n), change = scratch.subspan(n, n);
    for (int round = 0; round < kMostRounds; ++round) {
      const double half_form = quadratic_form(geometry, used, weights) / 2;
      double total = 0;
      for (std::size_t i = 0; i < n; ++i) {
        next[i] = 0;
        if (!used[i]) continue;
        const double distance = distance_to(geometry, used, i, weights, half_form);
        next[i] = 1 / std::max(distance, kSmoothing * scale);
        total += next[i];
      }
      for (std::size_t i = 0; i < n; ++i) {
        next[i] /= total;
        change[i] = next[i] - weights[i];
        weights[i] = next[i];
      }
      const double moved = std::sqrt(std::max(-quadratic_form(geometry, used, change) / 2, 0.0));
      if (moved <= options().tolerance * scale) return;
    }
  }

  double weigh(const Geometry& geometry, Workspace& workspace, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t n = geometry.n;
    const auto scratch = workspace.take<double>(AggregateSlot::kRule, 2 * n);
    const auto used = workspace.take<bool>(AggregateSlot::kFlags, n);
    const std::size_t centre = medoid(geometry);
    std::fill(used.begin(), used.end(), false);
    if (centre < n) {
      const double scale = median_distance(geometry, centre, scratch);
      const double farthest = kFarthest * scale;
      for (std::size_t i = 0; i < n; ++i) {
        used[i] = std::sqrt(geometry.squared_distance(centre, i)) <= farthest;
      }
      if (leave_medoid(geometry, used, centre, weights) && scale > 0) {
        iterate(geometry, used, scale, weights, scratch);
      }
    }
    if (report != nullptr) fill_report(geometry, used, weights, *report);
    return 1;
  }

  static void fill_report(const Geometry& geometry, std::span<const bool> used,
                          std::span<const double> weights, AggregationReport& report) {
    const double half_form = quadratic_form(geometry, used, weights) / 2;
    for (std::size_t i = 0; i < geometry.n; ++i) {
      report.scores.push_back(geometry.is_finite(i)
                                  ? distance_to(geometry, used, i, weights, half_form)
                                  : std::numeric_limits<double>::infinity());
    }
    report_weights(geometry, weights, 1, "too far away", report);
    std::erase_if(report.rejected, [&](const auto& rejection) { return used[rejection.row]; });
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_geometric_median(const RuleOptions& options) {
  return std::make_unique<GeometricMedian>(options);
}

}  // namespace detox
