#include "stages/pre/clip_to.hpp"

#include <cmath>

namespace detox {

void clip_to(double radius, const Geometry& geometry, std::span<double> weights,
             std::span<std::uint32_t> owners) {
  for (std::size_t i = 0; i < geometry.n; ++i) {
    const double norm = std::sqrt(geometry.squared_norms[i]);
    weights[i * geometry.n + i] = geometry.is_finite(i) && norm > radius ? radius / norm : 1;
    owners[i] = static_cast<std::uint32_t>(i);
  }
}

}  // namespace detox
