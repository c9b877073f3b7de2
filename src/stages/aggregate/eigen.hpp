// The direction in which points vary most, from their products alone.
#pragma once

#include <cstddef>
#include <span>

namespace detox {

/// Doubles that top_eigenpair needs for an (m, m) matrix.
constexpr std::size_t eigen_scratch(std::size_t m) { return m * m; }

/// The greatest eigenvalue of a symmetric positive semidefinite matrix (m, m), and its unit
/// eigenvector (m). Jacobi's cyclic rotations, always in the same order: about 10 sweeps of m^2 / 2
/// rotations, 6 m operations each. The matrix is used up.
double top_eigenpair(std::span<double> matrix, std::span<double> vector, std::span<double> scratch);

}  // namespace detox
