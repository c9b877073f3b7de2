// Every rule once more, in double precision and as its paper has it: no code of src/kernels or
// src/stages is used.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "detox/aggregator.hpp"

namespace detox::oracle {

using Vector = std::vector<double>;
using Matrix = std::vector<Vector>;

/// The rule's result, naively. Rows that are not finite are at infinite distance from all others.
Vector aggregate(std::string_view rule, const Matrix& rows, const RuleOptions& options,
                 std::uint64_t step);

/// The rows that krum would take, one after another, among all rows; the first `count` of them by
/// one scoring.
std::vector<std::size_t> krum_order(const Matrix& rows, std::size_t f);

/// Sum of distances from a point to the rows that are finite: what the geometric median minimises.
double sum_of_distances(const Matrix& rows, const Vector& point);

}  // namespace detox::oracle
