// The rows as a rule sees them, after pre-aggregation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "detox/rows.hpp"
#include "detox/workspace.hpp"

namespace detox {

struct Geometry;

/// n points of d coordinates: rows as they lie, or linear combinations of them. A view.
template <class T>
struct Points {
  Rows<T> rows;                 ///< (m, d)
  std::span<const double> mix;  ///< (n, m) row-major: point i = sum_j mix[i, j] row j; empty:
                                ///< the points are the rows
  const Geometry* geometry = nullptr;    ///< of the points, where it is known already
  std::span<const double> weights = {};  ///< (n) what they count for, at most 1; empty: the same

  bool is_mixed() const { return !mix.empty(); }
  std::size_t n() const { return is_mixed() ? mix.size() / rows.n() : rows.n(); }
  std::size_t d() const { return rows.d; }
  std::span<const double> mix_of(std::size_t point) const {
    return mix.subspan(point * rows.n(), rows.n());
  }
};

/// The points of these numbers, ascending. Views the scratch memory.
template <class T>
Points<T> subset(const Points<T>& points, std::span<const std::uint32_t> chosen,
                 Workspace::Scope& scratch) {
  const std::size_t m = points.rows.n();
  if (!points.is_mixed()) {
    const auto pointers = scratch.take<const T*>(chosen.size());
    for (std::size_t k = 0; k < chosen.size(); ++k) pointers[k] = points.rows.row[chosen[k]];
    return {{pointers, points.d()}, {}, nullptr};
  }
  const auto mix = scratch.take<double>(chosen.size() * m);
  for (std::size_t k = 0; k < chosen.size(); ++k)
    std::ranges::copy(points.mix_of(chosen[k]), mix.begin() + static_cast<std::ptrdiff_t>(k * m));
  return {points.rows, mix, nullptr};
}

}  // namespace detox
