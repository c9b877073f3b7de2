// Smoothed Weiszfeld (Pillutla et al. 2019) with Newton's method beside it. Weiszfeld's step z <-
// sum of beta_i x_i / B, beta_i = 1 / max(nu, r_i), B their sum, always lowers the sum of distances
// but creeps beside a row: its steps shrink with the distance from that row, not with what is left
// to go. With X the columns x_i - z, G = X^T X and M = diag(r_i^(-3/2)) (0 below nu), the gradient
// is -X beta and the Hessian B - X M M X^T. So Newton's step is X c with c = (beta + M q) / B and
//   (B - M G M) q = M G beta,
// n equations on the small matrix. A row that counts for w has w times its beta, and sqrt(w) times
// its part of M. Beside a row all but one of their eigenvalues lie close together, and elsewhere
// the n values 1 - eigenvalue / B add up to at most 1: conjugate gradients need few steps. Where
// they cannot go on, as for rows on one line, q stays as it is; q = 0 gives Weiszfeld's step.
#include "stages/aggregate/central_point.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace detox {
namespace {

constexpr int kMostRounds = 100;
constexpr int kMostSolverSteps = 100;
constexpr double kSolved = 1e-12;      // of the right side's norm
constexpr double kStraight = 1e-14;    // curvature below this part of the largest is rounding
constexpr double kLeastDamping = 0.1;  // of Newton's step

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// product = D x for the finite rows; x is 0 for rows that are not in use.
void times_distances(const RowsInUse& rows, std::span<const double> x, std::span<double> product) {
  const std::size_t n = rows.geometry.n;
  for (std::size_t i = 0; i < n; ++i) {
    product[i] = 0;
    if (!rows.geometry.is_finite(i)) continue;
    const std::span<const double> squared = rows.geometry.distances_of(i);
    for (std::size_t j = 0; j < n; ++j) {
      if (rows.used[j]) product[i] += squared[j] * x[j];
    }
  }
}

class Descent {
 public:
  Descent(const RowsInUse& rows, double smoothing, std::span<double> weights,
          std::span<double> scratch)
      : rows_(rows), nu_(smoothing), weights_(weights) {
    const std::size_t n = rows.geometry.n;
    std::size_t taken = 0;
    for (std::span<double>* part :
         {&r_, &beta_, &root_, &newton_, &next_, &q_, &residual_, &direction_, &product_}) {
      *part = scratch.subspan(taken++ * n, n);
    }
  }

  void run(double accuracy) {
    double least = sum_of_distances(weights_);
    for (int round = 0; round < kMostRounds; ++round) {
      prepare();
      if (take_newton_step() <= accuracy) return copy(newton_);
      for (std::size_t i = 0; i < r_.size(); ++i) next_[i] = beta_[i] / total_;
      const double of_weiszfeld = sum_of_distances(next_);
      double found = of_weiszfeld;
      for (double part = 1; part > kLeastDamping && !(found < of_weiszfeld); part /= 2) {
        for (std::size_t i = 0; i < r_.size(); ++i)
          q_[i] = weights_[i] + part * (newton_[i] - weights_[i]);
        found = sum_of_distances(q_);
        if (found < of_weiszfeld) std::copy(q_.begin(), q_.end(), next_.begin());
      }
      found = std::min(found, of_weiszfeld);
      if (!(found < least)) return;
      least = found;
      copy(next_);
      distances_to(rows_, weights_, r_);
    }
  }

 private:
  void copy(std::span<const double> weights) {
    std::copy(weights.begin(), weights.end(), weights_.begin());
  }

  /// Of the smoothed distances. Sets r_.
  double sum_of_distances(std::span<const double> weights) {
    distances_to(rows_, weights, r_);
    double sum = 0;
    for (std::size_t i = 0; i < r_.size(); ++i) {
      if (!rows_.used[i]) continue;
      const double distance = r_[i] < nu_ ? (r_[i] * r_[i] / nu_ + nu_) / 2 : r_[i];
      sum += rows_.geometry.row_weight(i) * distance;
    }
    return sum;
  }

  /// Sets beta_, root_ and total_ from r_.
  void prepare() {
    total_ = 0;
    for (std::size_t i = 0; i < r_.size(); ++i) {
      const double weight = rows_.geometry.row_weight(i);
      beta_[i] = rows_.used[i] ? weight / std::max(r_[i], nu_) : 0;
      root_[i] = rows_.used[i] && r_[i] > nu_ ? std::sqrt(weight) / (r_[i] * std::sqrt(r_[i])) : 0;
      total_ += beta_[i];
    }
  }

  /// out = M G x, with G_ij = (r_i^2 + r_j^2 - D_ij) / 2. x is 0 for rows that are not in use.
  void times_gram(std::span<const double> x, std::span<double> out) const {
    times_distances(rows_, x, out);
    double sum = 0, moments = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += x[i];
      moments += r_[i] * r_[i] * x[i];
    }
    for (std::size_t i = 0; i < x.size(); ++i)
      out[i] = root_[i] * (r_[i] * r_[i] * sum + moments - out[i]) / 2;
  }

  /// Conjugate gradients for q_, from 0.
  void solve() {
    times_gram(beta_, residual_);
    std::fill(q_.begin(), q_.end(), 0.0);
    std::copy(residual_.begin(), residual_.end(), direction_.begin());
    double squared = dot(residual_, residual_);
    const double solved = squared * kSolved * kSolved;
    for (int step = 0; step < kMostSolverSteps && squared > solved; ++step) {
      for (std::size_t i = 0; i < q_.size(); ++i) next_[i] = root_[i] * direction_[i];
      times_gram(next_, product_);
      for (std::size_t i = 0; i < q_.size(); ++i)
        product_[i] = total_ * direction_[i] - product_[i];
      const double curvature = dot(direction_, product_);
      if (!(curvature > kStraight * total_ * dot(direction_, direction_))) return;
      const double length = squared / curvature;
      for (std::size_t i = 0; i < q_.size(); ++i) {
        q_[i] += length * direction_[i];
        residual_[i] -= length * product_[i];
      }
      const double before = squared;
      squared = dot(residual_, residual_);
      for (std::size_t i = 0; i < q_.size(); ++i)
        direction_[i] = residual_[i] + squared / before * direction_[i];
    }
  }

  /// Sets newton_ and returns how far it is from here.
  double take_newton_step() {
    solve();
    double sum = 0;
    for (std::size_t i = 0; i < q_.size(); ++i) {
      newton_[i] = (beta_[i] + root_[i] * q_[i]) / total_;
      sum += newton_[i];
    }
    for (std::size_t i = 0; i < q_.size(); ++i) {
      newton_[i] += (1 - sum) * weights_[i];
      next_[i] = newton_[i] - weights_[i];
    }
    times_distances(rows_, next_, product_);
    return std::sqrt(std::max(-dot(next_, product_) / 2, 0.0));
  }

  const RowsInUse& rows_;
  double nu_, total_ = 0;
  std::span<double> weights_;
  std::span<double> r_, beta_, root_, newton_, next_, q_, residual_, direction_, product_;
};

}  // namespace

void distances_to(const RowsInUse& rows, std::span<const double> weights,
                  std::span<double> distances) {
  times_distances(rows, weights, distances);
  const double half_form = dot(weights, distances) / 2;
  for (std::size_t i = 0; i < rows.geometry.n; ++i)
    distances[i] = std::sqrt(std::max(distances[i] - half_form, 0.0));
}

void find_central_point(const RowsInUse& rows, double smoothing, double accuracy,
                        std::span<double> weights, std::span<double> scratch) {
  Descent(rows, smoothing, weights, scratch).run(accuracy);
}

}  // namespace detox
