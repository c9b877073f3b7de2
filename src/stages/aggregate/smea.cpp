// SMEA, smallest maximum eigenvalue averaging. Allouah, Guerraoui, Hoang, Stephan: "On the
// privacy-robustness-utility trilemma in distributed learning", ICML 2023: the mean of the n - f
// rows whose covariance has the least greatest eigenvalue. Exact, by branch and bound.
//
// A set is better than the best one so far, of eigenvalue lambda, where m lambda I - (the scatter
// of its m rows) is positive definite. With x_0 its first row that is the matrix 1/2 (D_ij - D_i0 -
// D_0j) + m lambda (1 + [i = j]) over its other rows, so rows can be added to a Cholesky
// factorisation one by one, and where a pivot is not positive no set with these rows is better. The
// search begins with the rows that are left when f times the farthest from the mean is dropped.
// Eigenvalues that differ by a part of 1e-8 or less count as equal; which of such sets is taken is
// fixed, too. Rows that are not finite go
// first, as in mda. Cost: the pass for distances; at most C(n + 1, f + 1) rows added, n^2 / 2 each;
// one combination.
#include <algorithm>
#include <cmath>

#include "stages/aggregate/registry.hpp"
#include "stages/aggregate/selection.hpp"
#include "stages/aggregate/spread.hpp"

namespace detox {
namespace {

/// A pivot of so small a part of the bound is none: sets of the same eigenvalue are many where rows
/// are equal or as far from each other, and rounding would make half of them look better.
constexpr double kNegligibleShare = 1e-10;

class LeastVarianceSearch {
 public:
  /// best (n) holds the set to beat as weights of 0 and 1, and in the end the set that was found.
  LeastVarianceSearch(const Geometry& geometry, std::size_t m, std::span<double> best,
                      Workspace::Scope& scratch)
      : geometry_(geometry),
        m_(m),
        best_(best),
        weighted_(take_weighted_rows(geometry.n, scratch)),
        factor_(scratch.take<double>(m * m)),
        chosen_(scratch.take<std::uint32_t>(m)) {
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < geometry.n; ++i) {
      if (best[i] != 0) chosen_[count++] = i;
    }
    least_ = variance_of_chosen();
  }

  void run(std::size_t drops) { search(0, 0, drops); }

 private:
  /// Tries every set that goes on from the first `count` of chosen_ with rows from `row` on.
  void search(std::uint32_t row, std::size_t count, std::size_t drops) {
    if (count == m_) return take_if_better();
    while (row < geometry_.n && !geometry_.is_finite(row)) ++row;
    if (row == geometry_.n) return;
    chosen_[count] = row;
    if (add(count)) search(row + 1, count + 1, drops);
    if (drops > 0) search(row + 1, count, drops - 1);
  }

  /// Brings the factorisation up to chosen_[count]; false where a pivot is not positive.
  bool add(std::size_t count) {
    factored_ = std::min(factored_, std::max<std::size_t>(count, 1));
    for (; factored_ <= count; ++factored_) {
      if (!factor(factored_)) return false;
    }
    return true;
  }

  bool factor(std::size_t at) {
    const std::uint32_t first = chosen_[0], row = chosen_[at];
    const double bound = static_cast<double>(m_) * least_;
    const std::span<double> to = factor_.subspan(at * m_, m_);
    for (std::size_t j = 1; j <= at; ++j) {
      const std::uint32_t other = chosen_[j];
      const double apart = geometry_.squared_distance(row, other);
      double sum = (apart - geometry_.squared_distance(row, first) -
                    geometry_.squared_distance(other, first)) /
                       2 +
                   (j == at ? 2 * bound : bound);
      const std::span<const double> before = factor_.subspan(j * m_, m_);
      for (std::size_t k = 1; k < j; ++k) sum -= to[k] * before[k];
      if (j == at && !(sum > kNegligibleShare * bound)) return false;
      to[j] = j == at ? std::sqrt(sum) : sum / before[j];
    }
    return true;
  }

  /// chosen_ is full, and nothing that was factored for a larger eigenvalue is of use any more.
  void take_if_better() {
    const double variance = variance_of_chosen();
    if (!(variance < least_)) return;
    least_ = variance;
    factored_ = 1;
    std::ranges::fill(best_, 0.0);
    for (const std::uint32_t row : chosen_) best_[row] = 1;
  }

  double variance_of_chosen() {
    WeightedRows weighted = weighted_;
    weighted.rows = weighted.rows.first(m_);
    std::ranges::copy(chosen_, weighted.rows.begin());
    std::ranges::fill(weighted.share.first(m_), 1 / static_cast<double>(m_));
    return top_spread(geometry_, weighted);
  }

  const Geometry& geometry_;
  std::size_t m_;
  std::span<double> best_;
  WeightedRows weighted_;
  std::span<double> factor_;  ///< (m, m), lower triangle, from 1
  std::span<std::uint32_t> chosen_;
  std::size_t factored_ = 1;  ///< rows of factor_ that hold for chosen_ and least_
  double least_ = 0;
};

class Smea final : public GeometryRule {
 public:
  explicit Smea(const RuleOptions& options) : GeometryRule(options) {}

 private:
  double weigh(const Geometry& geometry, Workspace::Scope& scratch, std::span<double> weights,
               AggregationReport* report) const override {
    const auto scores = scratch.take<double>(geometry.n);
    const std::size_t finite = keep_finite(geometry, weights, scores);
    const std::size_t lost = geometry.n - finite;
    const std::size_t drops = options().f > lost ? options().f - lost : 0;
    for (std::size_t k = 0; k < drops; ++k) drop_farthest(geometry, weights, scores);
    if (drops > 0) LeastVarianceSearch(geometry, finite - drops, weights, scratch).run(drops);
    return mean_of_taken(geometry, weights, "not in the set of least variance", report);
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_smea(const RuleOptions& options) {
  return std::make_unique<Smea>(options);
}

}  // namespace detox
