// Linear combinations of rows, and majorities of signs. Pure; one call, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "detox/rows.hpp"

namespace detox {

/// out[c] = (sum over i, ascending, of weight[i] * rows[i][c]) / divisor for the columns c of
/// [begin, end), in double and rounded once. Rows of weight exactly 0 are never read, so nothing in
/// them matters; all 0 gives 0. weights has n elements, out d.
struct Combination {
  std::span<const double> weights;
  double divisor = 1.0;
  std::span<const double> base = {};  ///< where the sum of column begin + i starts; empty: at 0
};
void combine_rows(const Rows<float>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<float> out);
void combine_rows(const Rows<double>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<double> out);

/// The same without rounding, into out (end - begin).
void combine_wide(const Rows<float>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<double> out);
void combine_wide(const Rows<double>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<double> out);

/// out[c] = +1, -1 or, on a tie, 0: the sign of the sum over rows of +-1 by sign_bit(row[c], c,
/// step) (kernels/sign_bits.hpp), for c in [begin, end).
void sign_majority(const Rows<float>& rows, std::uint64_t step, std::size_t begin, std::size_t end,
                   std::span<float> out);
void sign_majority(const Rows<double>& rows, std::uint64_t step, std::size_t begin, std::size_t end,
                   std::span<double> out);

/// The same for rows that hold votes already, in [-1, 1]: the sign of their sum. What is outside
/// counts as the nearest of -1 and 1, and NaN as 0, so no row has more than one vote. Sums below n
/// * 2^-22 are ties: rounded thirds must be able to cancel.
void vote_majority(const Rows<float>& rows, std::size_t begin, std::size_t end,
                   std::span<float> out);
void vote_majority(const Rows<double>& rows, std::size_t begin, std::size_t end,
                   std::span<double> out);

}  // namespace detox
