// The rows as a rule sees them, after pre-aggregation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "detox/rows.hpp"
#include "detox/workspace.hpp"
#include "kernels/narrow.hpp"

namespace detox {

struct Geometry;

/// n points of d coordinates: rows as they lie, or linear combinations of them. A view.
template <class T>
struct Points {
  Rows<T> rows;                 ///< (m, d), unless they are narrow
  std::span<const double> mix;  ///< (n, m) row-major: point i = sum_j mix[i, j] row j; empty:
                                ///< the points are the rows
  const Geometry* geometry = nullptr;     ///< of the points, where it is known already
  std::span<const double> weights = {};   ///< (n) what they count for, at most 1; empty: the same
  std::optional<NarrowRows> narrow = {};  ///< the rows (m, d), where T is float and they are less

  bool is_narrow() const { return narrow.has_value(); }
  bool is_mixed() const { return !mix.empty(); }
  std::size_t m() const { return narrow ? narrow->bits.n() : rows.n(); }
  std::size_t n() const { return is_mixed() ? mix.size() / m() : m(); }
  std::size_t d() const { return narrow ? narrow->bits.d : rows.d; }
  std::span<const double> mix_of(std::size_t point) const { return mix.subspan(point * m(), m()); }
  T row_value(std::size_t row, std::size_t column) const {
    return narrow ? static_cast<T>(widened(narrow->bits.row[row][column], narrow->type))
                  : rows.row[row][column];
  }
};

/// The rows of these numbers. Views the scratch memory.
template <class T>
Rows<T> subset(const Rows<T>& rows, std::span<const std::uint32_t> chosen,
               Workspace::Scope& scratch) {
  const auto pointers = scratch.take<const T*>(chosen.size());
  for (std::size_t k = 0; k < chosen.size(); ++k) pointers[k] = rows.row[chosen[k]];
  return {pointers, rows.d};
}

/// The points of these numbers, ascending. Views the scratch memory.
template <class T>
Points<T> subset(const Points<T>& points, std::span<const std::uint32_t> chosen,
                 Workspace::Scope& scratch) {
  if (!points.is_mixed() && points.narrow) {
    return {
        .rows = {},
        .mix = {},
        .narrow = NarrowRows{subset(points.narrow->bits, chosen, scratch), points.narrow->type}};
  }
  if (!points.is_mixed()) return {subset(points.rows, chosen, scratch), {}, nullptr};
  const std::size_t m = points.m();
  const auto mix = scratch.take<double>(chosen.size() * m);
  for (std::size_t k = 0; k < chosen.size(); ++k)
    std::ranges::copy(points.mix_of(chosen[k]), mix.begin() + static_cast<std::ptrdiff_t>(k * m));
  return {points.rows, mix, nullptr, {}, points.narrow};
}

}  // namespace detox
