#include "stages/aggregate/geometry_of_means.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace detox {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Means {
 public:
  Means(const Geometry& old, std::span<const double> weights, std::span<double> products)
      : old_(old), weights_(weights), products_(products) {}

  bool is_finite(std::size_t i) const {
    for (std::size_t j = 0; j < old_.n; ++j) {
      if (weight(i, j) != 0 && !old_.is_finite(j)) return false;
    }
    return true;
  }

  /// product(i, l) = sum over j of weight(i, j) times the squared distance of j and l, of which the
  /// last is the origin.
  void multiply(std::size_t i) {
    for (std::size_t l = 0; l <= old_.n; ++l) {
      double sum = 0;
      for (std::size_t j = 0; j < old_.n; ++j) {
        const double share = weight(i, j);
        if (share == 0) continue;
        sum += share * (l < old_.n ? old_.squared_distance(j, l) : old_.squared_norms[j]);
      }
      products_[i * (old_.n + 1) + l] = sum;
    }
  }

  double squared_distance(std::size_t i, std::size_t k) const {
    double sum = 0;
    for (std::size_t l = 0; l < old_.n; ++l) {
      const double difference = weight(i, l) - weight(k, l);
      if (difference != 0) sum += difference * (product(i, l) - product(k, l));
    }
    return std::max(-sum / 2, 0.0);
  }

  /// The distance to the origin.
  double squared_norm(std::size_t i) const {
    double sum = -product(i, old_.n);
    for (std::size_t l = 0; l < old_.n; ++l) {
      if (weight(i, l) != 0) sum += weight(i, l) * (product(i, l) - old_.squared_norms[l]);
    }
    return std::max(-sum / 2, 0.0);
  }

 private:
  double weight(std::size_t i, std::size_t j) const { return weights_[i * old_.n + j]; }
  double product(std::size_t i, std::size_t l) const { return products_[i * (old_.n + 1) + l]; }

  const Geometry& old_;
  std::span<const double> weights_;
  std::span<double> products_;
};

}  // namespace

Geometry geometry_of_means(const Geometry& geometry, std::span<const double> weights,
                           const GeometryStorage& storage) {
  const std::size_t n = weights.size() / geometry.n;
  Means means(geometry, weights, storage.scratch);
  for (std::size_t i = 0; i < n; ++i) {
    const bool finite = means.is_finite(i);
    if (finite) means.multiply(i);
    storage.squared_norms[i] = finite ? means.squared_norm(i) : kInfinity;
    for (std::size_t k = 0; k < i; ++k) {
      const bool both = finite && std::isfinite(storage.squared_norms[k]);
      storage.squared_distances[i * n + k] = storage.squared_distances[k * n + i] =
          both ? means.squared_distance(i, k) : kInfinity;
    }
    storage.squared_distances[i * n + i] = 0;
  }
  return {n, storage.squared_distances.first(n * n), storage.squared_norms.first(n)};
}

}  // namespace detox
