// What the steps that shorten rows share.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/geometry.hpp"

namespace detox {

/// Multiplies every finite point by min(1, radius / its norm); each keeps its place. weights (n, n)
/// and owners (n) as in PreAggregator::mix.
void clip_to(double radius, const Geometry& geometry, std::span<double> weights,
             std::span<std::uint32_t> owners);

}  // namespace detox
