// NNM, nearest-neighbour mixing. Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan: "Fixing by
// mixing: a recipe for optimal Byzantine ML under heterogeneity", AISTATS 2023: every row is
// replaced by the mean of the n - f rows nearest it, itself included, ties to the lowest index. A
// row that is not finite stays as it is and is nobody's neighbour; where more than f rows are not
// finite, there are fewer neighbours.
#include <algorithm>
#include <numeric>

#include "detox/aggregator.hpp"
#include "kernels/geometry.hpp"
#include "stages/pre/registry.hpp"

namespace detox {
namespace {

class Nnm final : public PreAggregator {
 public:
  explicit Nnm(std::size_t f) : f_(f) {}

  void mix(const Geometry& geometry, const AggregationContext& context, std::span<double> weights,
           std::span<std::uint32_t> owners) const override {
    const std::size_t n = geometry.n;
    Workspace::Scope scratch(context.workspace);
    const auto order = scratch.take<std::uint32_t>(n);
    std::size_t finite = 0;
    for (std::size_t j = 0; j < n; ++j) finite += geometry.is_finite(j) ? 1 : 0;
    const std::size_t count = std::min(n - f_, finite);
    for (std::size_t i = 0; i < n; ++i) {
      owners[i] = static_cast<std::uint32_t>(i);
      const std::span<double> point = weights.subspan(i * n, n);
      if (!geometry.is_finite(i)) {
        point[i] = 1;
        continue;
      }
      std::iota(order.begin(), order.end(), 0U);
      std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count),
                                [&](std::uint32_t a, std::uint32_t b) {
                                  if ((a == i) != (b == i)) return a == i;
                                  const double to_a = geometry.squared_distance(i, a);
                                  const double to_b = geometry.squared_distance(i, b);
                                  return to_a != to_b ? to_a < to_b : a < b;
                                });
      for (const std::uint32_t j : order.first(count)) point[j] = 1 / static_cast<double>(count);
    }
  }

 private:
  std::size_t f_;
};

}  // namespace

std::unique_ptr<PreAggregator> make_nnm(std::size_t f, double /*parameter*/) {
  return std::make_unique<Nnm>(f);
}

}  // namespace detox
