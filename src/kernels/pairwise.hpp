// All pairwise squared distances of n rows and their n squared norms, in one pass over the data.
//
// By direct differences (shared offsets do not cancel): in float32 with 16 fixed virtual lanes over
// blocks of 1024 columns, then in double. A block whose sum leaves what float32 squares can hold is
// done again in double, so rows of 1e30 or 1e-30 keep the same accuracy. Relative error below 2e-6
// (bound: 23 roundings of 2^-24, all of one sign); doubles, and rows of at most kExactColumns, are
// summed in double. Squares of doubles beyond 1e300 are infinite.
#pragma once

#include <cstddef>
#include <span>

#include "detox/rows.hpp"

namespace detox {

/// Rows of at most so many columns are compared in double alone.
inline constexpr std::size_t kExactColumns = 4096;

/// Columns that one call sums; a chunk must begin at a multiple, so that sums do not depend on who
/// calls.
inline constexpr std::size_t kPairwiseChunk = 16384;

/// One sum for every pair of the n rows and the origin.
constexpr std::size_t pairwise_sums(std::size_t n) { return (n + 1) * n / 2; }

/// Where the squared norm of row i is, and the squared distance of rows i < j.
constexpr std::size_t norm_index(std::size_t i) { return (i + 1) * i / 2; }
constexpr std::size_t distance_index(std::size_t i, std::size_t j) { return norm_index(j) + i + 1; }

/// Sets sums (pairwise_sums(n)) to the sums over the columns [begin, min(begin + kPairwiseChunk,
/// d)). Where row i has a value that is not finite, its norm is infinite and its distances are
/// undefined. Pure; one call, one thread. Cost: 2 operations a pair and column, a subtraction and a
/// fused multiply-add (emulated where there is none, which takes ten times as long); the rows are
/// read once from memory.
void pairwise_chunk(const Rows<float>& rows, std::size_t begin, std::span<double> sums);
void pairwise_chunk(const Rows<double>& rows, std::size_t begin, std::span<double> sums);

/// The same over the columns [begin, end), of which there are at most kPairwiseChunk, for rows that
/// are a part of others of d columns in all: d decides whether sums are taken in double alone.
void pairwise_columns(const Rows<float>& rows, std::size_t begin, std::size_t end, std::size_t d,
                      std::span<double> sums);
void pairwise_columns(const Rows<double>& rows, std::size_t begin, std::size_t end, std::size_t d,
                      std::span<double> sums);

/// Adds them to sums, which were 0 or come from the columns before these: a chunk may be summed in
/// parts that begin at multiples of 1024, to the same bits.
void add_pairwise_columns(const Rows<float>& rows, std::size_t begin, std::size_t end,
                          std::size_t d, std::span<double> sums);
void add_pairwise_columns(const Rows<double>& rows, std::size_t begin, std::size_t end,
                          std::size_t d, std::span<double> sums);

}  // namespace detox
