// Geometric median by the smoothed Weiszfeld algorithm. Pillutla, Kakade, Harchaoui: "Robust
// Aggregation for Federated Learning", arXiv 1912.13445, 2019: z <- sum of beta_i x_i / sum of
// beta_i, beta_i = 1 / max(nu, |z - x_i|).
//
// z is never formed: it is a combination of rows (central_point.cpp). Choices: the scale s is the
// (lower) median distance from the medoid; nu = 1e-6 s; it ends when no more than tolerance * s is
// left to go, by Newton's step. It starts at the medoid, which is the answer where the pull of the
// others does not exceed the number of rows there, and else leaves it by the step of Vardi and
// Zhang (PNAS 97, 2000): plain Weiszfeld is stuck on a row, and creeps beside one. Deviation: rows
// that are not finite are left out, and those farther from the densest row than 1000 times its
// median distance. Squared distances with a relative error of 1e-6 say nothing about the direction
// of a row of 1e30. The densest row has the least sum of distances to its n - f - 1 nearest others:
// in the sums of all distances those to a row of 1e30 would drown the rest, and a row of 1e20 could
// be the medoid. Where no row is finite the result is 0. Cost: the pass for distances, O(n^2 log
// n), O(n^2) a step of the solver, and one combination. The semantics of byzfl and byzpy are in
// weiszfeld.cpp.
//
// With weights every distance is taken times the row's weight, s is the distance within which half
// of the weight lies, the densest row is that of the least such distance, and rows of weight 0 are
// left out.
#include <algorithm>
#include <cmath>
#include <limits>

#include "stages/aggregate/central_point.hpp"
#include "stages/aggregate/geometry_rule.hpp"
#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/weiszfeld.hpp"

namespace detox {
namespace {

constexpr double kSmoothing = 1e-6;
constexpr double kFarthest = 1000;

struct Scratch {
  std::span<double> numbers;
  std::span<std::uint32_t> order;
};

/// The row of least value, the first where several are, of those that count; n where none does.
template <class Counts, class Value>
std::size_t row_of_least(std::size_t n, const Counts& counts, const Value& value) {
  std::size_t best = n;
  double least = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!counts(i)) continue;
    const double found = value(i);
    if (best == n || found < least) {
      best = i;
      least = found;
    }
  }
  return best;
}

/// The finite row with the least sum of distances to its `count` nearest finite others; n where
/// none is finite.
std::size_t densest_row(const Geometry& geometry, std::size_t count, std::span<double> scratch) {
  const auto is_finite = [&](std::size_t i) { return geometry.is_finite(i); };
  return row_of_least(geometry.n, is_finite, [&](std::size_t i) {
    std::size_t others = 0;
    for (std::size_t j = 0; j < geometry.n; ++j) {
      if (j != i && geometry.is_finite(j)) scratch[others++] = geometry.squared_distance(i, j);
    }
    const auto nearest = scratch.first(std::min(count, others));
    std::ranges::partial_sort(scratch.first(others), nearest.end());
    double sum = 0;
    for (const double squared : nearest) sum += std::sqrt(squared);
    return sum;
  });
}

/// The row in use with the least (weighted) sum of distances to the rows in use; n where none is.
std::size_t medoid(const RowsInUse& rows) {
  const std::size_t n = rows.geometry.n;
  const auto is_used = [&](std::size_t i) { return rows.used[i]; };
  return row_of_least(n, is_used, [&](std::size_t i) {
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) {
      if (!rows.used[j]) continue;
      sum += rows.geometry.row_weight(j) * std::sqrt(rows.geometry.squared_distance(i, j));
    }
    return sum;
  });
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

/// The same by weight: the distance within which half of the weight of all finite rows lies, that
/// of the centre included. Beside a heavy centre less than half of the others' weight may be
/// honest.
double weighted_median_distance(const Geometry& geometry, std::size_t centre,
                                std::span<std::uint32_t> order) {
  std::size_t count = 0;
  for (std::uint32_t j = 0; j < geometry.n; ++j) {
    if (j != centre && geometry.is_finite(j) && geometry.row_weight(j) > 0) order[count++] = j;
  }
  const std::span<const double> squared = geometry.distances_of(centre);
  const std::span<std::uint32_t> others = order.first(count);
  std::ranges::sort(others, [&](std::uint32_t a, std::uint32_t b) {
    return squared[a] != squared[b] ? squared[a] < squared[b] : a < b;
  });
  double within = geometry.row_weight(centre), total = within;
  for (const std::uint32_t j : others) total += geometry.row_weight(j);
  double farthest = 0;
  for (std::size_t k = 0; k < count && 2 * within < total; ++k) {
    within += geometry.row_weight(others[k]);
    farthest = squared[others[k]];
  }
  return std::sqrt(farthest);
}

/// The scale s about a row that is finite.
double scale_about(const Geometry& geometry, std::size_t centre, const Scratch& scratch) {
  return geometry.row_weights.empty() ? median_distance(geometry, centre, scratch.numbers)
                                      : weighted_median_distance(geometry, centre, scratch.order);
}

/// The row about which half of the weight is nearest; n where none is finite.
std::size_t densest_by_weight(const Geometry& geometry, const Scratch& scratch) {
  const auto counts = [&](std::size_t i) {
    return geometry.is_finite(i) && geometry.row_weight(i) > 0;
  };
  return row_of_least(geometry.n, counts, [&](std::size_t i) {
    return weighted_median_distance(geometry, i, scratch.order);
  });
}

/// Sets used (n): the rows that are not too far from where most are.
void leave_out_far_rows(const Geometry& geometry, std::size_t f, std::span<bool> used,
                        const Scratch& scratch) {
  std::fill(used.begin(), used.end(), false);
  const std::size_t densest = geometry.row_weights.empty()
                                  ? densest_row(geometry, geometry.n - f - 1, scratch.numbers)
                                  : densest_by_weight(geometry, scratch);
  if (densest == geometry.n) return;
  const double farthest = kFarthest * scale_about(geometry, densest, scratch);
  for (std::size_t i = 0; i < geometry.n; ++i) {
    used[i] =
        std::sqrt(geometry.squared_distance(densest, i)) <= farthest && geometry.row_weight(i) > 0;
  }
}

/// The first step, away from the medoid. False where the medoid is the answer; weights are set
/// either way.
bool leave_medoid(const Geometry& geometry, std::span<const bool> used, std::size_t centre,
                  std::span<double> weights) {
  const std::size_t n = geometry.n;
  double total = 0, here = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const double squared = geometry.squared_distance(centre, j);
    weights[j] = used[j] && squared > 0 ? geometry.row_weight(j) / std::sqrt(squared) : 0;
    here += used[j] && squared == 0 ? geometry.row_weight(j) : 0;
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
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t n = geometry.n;
    const auto used = scratch.take<bool>(n);
    const Scratch room{scratch.take<double>(central_point_scratch(n)),
                       scratch.take<std::uint32_t>(n)};
    leave_out_far_rows(geometry, options().f, used, room);
    const std::size_t centre = medoid({geometry, used});
    if (centre < n) {
      const double scale = scale_about(geometry, centre, room);
      if (leave_medoid(geometry, used, centre, weights) && scale > 0) {
        find_central_point({geometry, used}, kSmoothing * scale, options().tolerance * scale,
                           weights, room.numbers);
      }
    }
    if (report != nullptr) {
      const std::span<double> distances = room.numbers.first(n);
      distances_to({geometry, used}, weights, distances);
      fill_report(geometry, used, weights, distances, *report);
    }
    return 1;
  }

  static void fill_report(const Geometry& geometry, std::span<const bool> used,
                          std::span<const double> weights, std::span<const double> distances,
                          AggregationReport& report) {
    for (std::size_t i = 0; i < geometry.n; ++i) {
      report.scores.push_back(geometry.is_finite(i) ? distances[i]
                                                    : std::numeric_limits<double>::infinity());
    }
    report_weights(geometry, weights, 1, "too far away", report);
    std::erase_if(report.rejected, [&](const auto& rejection) { return used[rejection.row]; });
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_geometric_median(const RuleOptions& options) {
  if (options.semantics != Semantics::kPaper) return make_plain_weiszfeld(options);
  return std::make_unique<GeometricMedian>(options);
}

}  // namespace detox
