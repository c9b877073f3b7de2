// Aggregation that begins while answers still come in: a coordinate rule reduces each block of
// columns as soon as all rows of it are there, when they are still in the cache.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "round/fleet.hpp"
#include "stages/bucket/hierarchy.hpp"

namespace detox {

/// Of one step. Used by one thread; what it refers to outlives it. The result is what
/// Hierarchy::aggregate gives for the whole rows, bit by bit.
class ColumnAggregation {
 public:
  struct Parts {
    const Hierarchy& hierarchy;
    const Key& bucket_key;
    std::span<float> gradient;  ///< (d), written to
    AggregationContext& context;
    /// Weights of these slices, or none.
    std::function<std::vector<double>(std::span<const std::uint32_t>)> weights_of;
    const Clock& clock;
  };
  explicit ColumnAggregation(const Parts& parts) : parts_(parts) {}

  /// Nothing happens where the rule could not be applied to these slices.
  void take(const ReadyColumns& columns);

  /// Whether the gradient is that of exactly these slices.
  bool is_whole_for(std::span<const std::uint32_t> slices) const;

  double seconds() const { return seconds_; }

 private:
  Parts parts_;
  std::vector<std::uint32_t> slices_;
  std::vector<double> weights_;
  std::size_t done_ = 0;  ///< columns
  double seconds_ = 0;
};

}  // namespace detox
