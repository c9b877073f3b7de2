// How distances follow from distances where points are replaced by means of them.
#pragma once

#include <span>

#include "kernels/geometry.hpp"

namespace detox {

/// Where the geometry of n' points made of n goes: (n', n'), (n'), and scratch (n', n + 1).
struct GeometryStorage {
  std::span<double> squared_distances, squared_norms, scratch;
};

/// Of new points that are means of old ones with these weights (n', n): |y_i - y_k|^2 = -1/2 c^T D
/// c, where c is the difference of their weights. Points with a part that is not finite are not
/// finite. O(n' n (n' + n)).
Geometry geometry_of_means(const Geometry& geometry, std::span<const double> weights,
                           const GeometryStorage& storage);

}  // namespace detox
