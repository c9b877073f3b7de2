// ARC, adaptive robust clipping. Allouah, Guerraoui, Gupta, Jellouli, Rizk, Stephan: "Adaptive
// gradient clipping for robust federated learning", ICLR 2025: the k = floor(2 (f / n) (n - f))
// rows of greatest norm are scaled down to the norm of the next, the (n - k)-th smallest. Rows that
// are not finite have the greatest norms; they stay as they are.
#include <algorithm>
#include <cmath>

#include "detox/aggregator.hpp"
#include "kernels/geometry.hpp"
#include "stages/pre/clip_to.hpp"
#include "stages/pre/registry.hpp"

namespace detox {
namespace {

class Arc final : public PreAggregator {
 public:
  explicit Arc(std::size_t f) : f_(f) {}
  bool takes_means() const override { return false; }
  bool needs_distances() const override { return false; }
  void mix(const Geometry& geometry, const AggregationContext& context, std::span<double> weights,
           std::span<std::uint32_t> owners) const override {
    const std::size_t n = geometry.n, clipped = 2 * f_ * (n - f_) / n;
    Workspace::Scope scratch(context.workspace);
    const auto norms = scratch.take<double>(n);
    std::ranges::copy(geometry.squared_norms, norms.begin());
    std::ranges::sort(norms);
    clip_to(std::sqrt(norms[n - clipped - 1]), geometry, weights, owners);
  }

 private:
  std::size_t f_;
};

}  // namespace

std::unique_ptr<PreAggregator> make_arc(std::size_t f, double /*parameter*/) {
  return std::make_unique<Arc>(f);
}

}  // namespace detox
