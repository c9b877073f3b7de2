// One step of pre-aggregation: it sees distances and norms and answers with combinations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "detox/aggregator.hpp"
#include "detox/pre_aggregator.hpp"
#include "stages/aggregate/geometry_rule.hpp"

namespace detox {

/// Immutable after construction.
class PreAggregator {
 public:
  virtual ~PreAggregator() = default;

  /// Whether every new point is a mean of old ones. Then its distances follow from theirs. Those of
  /// a scaled point do not: a relative error of 1e-6 beside a row of 1e30 is all there is of it
  /// when it has been scaled down.
  virtual bool takes_means() const { return true; }

  /// Whether it looks at distances, or at norms alone: then geometry has no distances.
  virtual bool needs_distances() const { return true; }

  /// Sets the weights (n', n) of the n' new points, which are 0 at first. A point that is not
  /// finite has weight 0 in every point but those that it may spoil. owners (n) = the new point
  /// that stands for each old one, for reports.
  virtual void mix(const Geometry& geometry, const AggregationContext& context,
                   std::span<double> weights, std::span<std::uint32_t> owners) const = 0;
};

std::unique_ptr<PreAggregator> make_arc(std::size_t f, double parameter);
std::unique_ptr<PreAggregator> make_bucketing(std::size_t f, double parameter);
std::unique_ptr<PreAggregator> make_clipping(std::size_t f, double parameter);
std::unique_ptr<PreAggregator> make_nnm(std::size_t f, double parameter);

/// Multiplies every finite point by min(1, radius / its norm); each keeps its place.
void clip_to(double radius, const Geometry& geometry, std::span<double> weights,
             std::span<std::uint32_t> owners);

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
