// MDA, minimum-diameter averaging. El Mhamdi, Guerraoui, Rouault, "The hidden vulnerability of
// distributed learning in Byzantium" (ICML 2018, as "Brute") and Rousseeuw 1985: the mean of the
// n - f rows of least diameter; of several such sets the first in lexicographic order.
//
// Whether a diameter can be had is a question of vertex cover: f rows must meet every pair that is
// farther apart. Such a cover is searched by branching on the row with most such pairs, which is
// taken at once where it has more of them than rows may go; the diameter is found by bisection over
// the distances that occur. Rows that are not finite go first, and where there are more than f of
// them, all of them; the result is 0 where no row is left. Cost: the pass for distances; n^2 log n
// times the branches, of which there are at most 1.62^f and usually about f; one combination.
#include <algorithm>

#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"

namespace detox {
namespace {

/// Rows that may still go, of a graph whose edges are the pairs farther apart than `diameter`.
class CoverSearch {
 public:
  /// state (n): 0 for rows that are there, kKept for those that must stay, anything else is gone.
  static constexpr std::uint32_t kHere = 0, kKept = ~0U, kGone = ~0U - 1;

  CoverSearch(const Geometry& geometry, double diameter, std::span<std::uint32_t> state)
      : geometry_(geometry), diameter_(diameter), state_(state) {}

  /// Whether at most `budget` rows that need not stay meet every edge. Leaves the state as it was.
  bool is_possible(std::size_t budget, std::uint32_t depth = 1) const {
    std::size_t most = 0, row = 0, with_edges = 0;
    for (std::size_t i = 0; i < geometry_.n; ++i) {
      if (!is_there(i)) continue;
      const std::size_t degree = count_edges(i);
      with_edges += degree > 0 ? 1 : 0;
      // Its neighbours must go, whoever else does.
      if (state_[i] == kKept && degree > 0) return without_neighbours(i, degree, budget, depth);
      if (degree > most) {
        most = degree;
        row = i;
      }
    }
    if (most <= 1) return with_edges <= 2 * budget;  // no two edges meet: one row of each goes
    if (budget == 0) return false;
    state_[row] = depth;
    const bool found = is_possible(budget - 1, depth + 1);
    state_[row] = kHere;
    return found || (most <= budget && without_neighbours(row, most, budget, depth));
  }

  bool is_there(std::size_t i) const { return state_[i] == kHere || state_[i] == kKept; }
  bool has_edge(std::size_t i, std::size_t j) const {
    return i != j && geometry_.squared_distance(i, j) > diameter_;
  }

  std::size_t count_edges(std::size_t i) const {
    std::size_t edges = 0;
    for (std::size_t j = 0; j < geometry_.n; ++j) edges += is_there(j) && has_edge(i, j) ? 1 : 0;
    return edges;
  }

 private:
  bool without_neighbours(std::size_t row, std::size_t degree, std::size_t budget,
                          std::uint32_t depth) const {
    if (degree > budget) return false;
    for (std::size_t j = 0; j < geometry_.n; ++j) {
      if (state_[j] == kKept && has_edge(row, j)) return false;
    }
    for (std::size_t j = 0; j < geometry_.n; ++j) {
      if (state_[j] == kHere && has_edge(row, j)) state_[j] = depth;
    }
    const bool found = is_possible(budget - degree, depth + 1);
    for (std::uint32_t& state : state_) {
      if (state == depth) state = kHere;
    }
    return found;
  }

  const Geometry& geometry_;
  double diameter_;
  std::span<std::uint32_t> state_;
};

class Mda final : public GeometryRule {
 public:
  explicit Mda(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const std::size_t n = geometry.n;
    const auto state = scratch.take<std::uint32_t>(n);
    std::size_t budget = options().f;
    for (std::size_t i = 0; i < n; ++i) {
      state[i] = geometry.is_finite(i) ? CoverSearch::kHere : CoverSearch::kGone;
      if (!geometry.is_finite(i) && budget > 0) --budget;
    }
    keep_first(geometry, least_diameter(geometry, budget, state, scratch), budget, state);
    for (std::size_t i = 0; i < n; ++i) weights[i] = state[i] == CoverSearch::kKept ? 1 : 0;
    return mean_of_taken(geometry, weights, "not in the set of least diameter", report);
  }

  /// Squared, over the rows that are there after `budget` of them have gone.
  static double least_diameter(const Geometry& geometry, std::size_t budget,
                               std::span<std::uint32_t> state, Workspace::Scope& scratch) {
    const std::size_t n = geometry.n;
    const auto distances = scratch.take<double>(n * (n - 1) / 2 + 1);
    std::size_t count = 0;
    distances[count++] = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (state[i] == CoverSearch::kHere && state[j] == CoverSearch::kHere)
          distances[count++] = geometry.squared_distance(i, j);
      }
    }
    std::sort(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(count));
    std::size_t least = budget == 0 ? count - 1 : 0, enough = count - 1;
    while (least < enough) {
      const std::size_t middle = (least + enough) / 2;
      if (CoverSearch(geometry, distances[middle], state).is_possible(budget)) {
        enough = middle;
      } else {
        least = middle + 1;
      }
    }
    return distances[least];
  }

  /// Marks the rows of the first set of this diameter kKept. Rows with more edges than may go are
  /// in no such set, rows without edges in the first one; few are left, at most (f + 1)^2, of which
  /// that must be searched.
  static void keep_first(const Geometry& geometry, double diameter, std::size_t budget,
                         std::span<std::uint32_t> state) {
    const CoverSearch search(geometry, diameter, state);
    auto left = static_cast<std::size_t>(std::ranges::count(state, CoverSearch::kHere)) - budget;
    for (bool again = budget > 0; again;) {
      again = false;
      for (std::size_t i = 0; i < geometry.n; ++i) {
        if (state[i] != CoverSearch::kHere || search.count_edges(i) <= budget) continue;
        state[i] = CoverSearch::kGone;
        --budget;
        again = true;
      }
    }
    for (std::size_t i = 0; i < geometry.n && left > 0; ++i) {
      if (state[i] != CoverSearch::kHere) continue;
      const bool is_free = budget == 0 || search.count_edges(i) == 0;
      state[i] = CoverSearch::kKept;
      if (is_free || search.is_possible(budget)) {
        --left;
      } else {
        state[i] = CoverSearch::kGone;
        --budget;
      }
    }
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_mda(const RuleOptions& options) {
  return std::make_unique<Mda>(options);
}

}  // namespace detox
