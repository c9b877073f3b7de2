// Static clipping: every row x becomes x min(1, c / |x|). A row that is not finite stays as it is.
// Moves f rows no farther than c from the origin; which of them are hostile is left to the rule.
#include "stages/pre/clip_to.hpp"
#include "stages/pre/registry.hpp"

namespace detox {
namespace {

class Clipping final : public PreAggregator {
 public:
  explicit Clipping(double radius) : radius_(radius) {}
  bool takes_means() const override { return false; }
  bool needs_distances() const override { return false; }
  void mix(const Geometry& geometry, const AggregationContext& /*context*/,
           std::span<double> weights, std::span<std::uint32_t> owners) const override {
    clip_to(radius_, geometry, weights, owners);
  }

 private:
  double radius_;
};

}  // namespace

std::unique_ptr<PreAggregator> make_clipping(std::size_t /*f*/, double parameter) {
  return std::make_unique<Clipping>(parameter);
}

}  // namespace detox
