#include "stages/aggregate/eigen.hpp"

#include <algorithm>
#include <cmath>

namespace detox {
namespace {

constexpr int kMostSweeps = 50;
constexpr double kNegligible = 0x1p-52;

/// Turns positions p and q of both vectors against each other.
void rotate(double& at_p, double& at_q, double sine, double tau) {
  const double p = at_p, q = at_q;
  at_p = p - sine * (q + tau * p);
  at_q = q + sine * (p - tau * q);
}

class Jacobi {
 public:
  Jacobi(std::span<double> matrix, std::span<double> vectors, std::size_t m)
      : matrix_(matrix), vectors_(vectors), m_(m) {
    std::fill(vectors_.begin(), vectors_.end(), 0.0);
    for (std::size_t i = 0; i < m_; ++i) vectors_[i * m_ + i] = 1;
  }

  /// Whether something was left to do.
  bool sweep() {
    bool turned = false;
    for (std::size_t p = 0; p < m_; ++p) {
      for (std::size_t q = p + 1; q < m_; ++q) turned = annihilate(p, q) || turned;
    }
    return turned;
  }

 private:
  double& at(std::size_t i, std::size_t j) { return matrix_[i * m_ + j]; }

  bool annihilate(std::size_t p, std::size_t q) {
    const double off = at(p, q);
    const double both = std::sqrt(std::abs(at(p, p))) * std::sqrt(std::abs(at(q, q)));
    if (off == 0 || std::abs(off) <= kNegligible * both) return false;
    const double theta = (at(q, q) - at(p, p)) / (2 * off);
    const double tangent =
        std::copysign(1.0, theta) / (std::abs(theta) + std::sqrt(theta * theta + 1));
    const double cosine = 1 / std::sqrt(tangent * tangent + 1), sine = tangent * cosine;
    const double tau = sine / (1 + cosine);
    at(p, p) -= tangent * off;
    at(q, q) += tangent * off;
    at(p, q) = at(q, p) = 0;
    for (std::size_t k = 0; k < m_; ++k) {
      if (k != p && k != q) {
        rotate(at(p, k), at(q, k), sine, tau);
        at(k, p) = at(p, k);
        at(k, q) = at(q, k);
      }
      rotate(vectors_[p * m_ + k], vectors_[q * m_ + k], sine, tau);
    }
    return true;
  }

  std::span<double> matrix_, vectors_;  ///< a row of vectors_ is an eigenvector
  std::size_t m_;
};

}  // namespace

double top_eigenpair(std::span<double> matrix, std::span<double> vector,
                     std::span<double> scratch) {
  const std::size_t m = vector.size();
  Jacobi jacobi(matrix.first(m * m), scratch.first(m * m), m);
  for (int sweep = 0; sweep < kMostSweeps && jacobi.sweep(); ++sweep) {
  }
  std::size_t top = 0;
  for (std::size_t i = 1; i < m; ++i) {
    if (matrix[i * m + i] > matrix[top * m + top]) top = i;
  }
  std::copy_n(scratch.begin() + static_cast<std::ptrdiff_t>(top * m), m, vector.begin());
  return std::max(matrix[top * m + top], 0.0);
}

}  // namespace detox
