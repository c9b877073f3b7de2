// The kernels once more, plainly, column by column in double precision, means in long double: what
// the tests hold them against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "detox/rows.hpp"

namespace detox::reference {

/// An (n, d) matrix as vectors of doubles.
using Matrix = std::vector<std::vector<double>>;

template <class T>
Matrix to_matrix(const Rows<T>& rows) {
  Matrix matrix;
  for (const T* row : rows.row) matrix.emplace_back(row, row + rows.d);
  return matrix;
}

/// One column in the kernels' order: -0 before +0, every NaN last.
std::vector<double> sorted_column(const Matrix& rows, std::size_t column);
std::vector<double> mean_of_sorted(const Matrix& rows, std::size_t lo, std::size_t hi);
/// The `count` values nearest the mean of the sorted values [lo, hi), ties to the lower.
std::vector<double> mean_nearest(const Matrix& rows, std::size_t lo, std::size_t hi,
                                 std::size_t count);

/// The mean over the part [lo, hi) of the line of sorted values, each as long as its row's weight;
/// with lo = hi the value there, or the mean of the two that meet there.
std::vector<double> weighted_mean_of_sorted(const Matrix& rows, std::span<const double> weights,
                                            double lo, double hi);

/// (n, n), and n; infinite for rows that are not finite.
Matrix squared_distances(const Matrix& rows);
std::vector<double> squared_norms(const Matrix& rows);

std::vector<double> combine(const Matrix& rows, std::span<const double> weights, double divisor);
/// Mean and deviation (ddof 1; 0 over one row) of each column.
struct Moments {
  std::vector<double> mean, deviation;
};
Moments column_moments(const Matrix& rows);
std::vector<double> sign_majority(const Matrix& rows, std::uint64_t step);

}  // namespace detox::reference
