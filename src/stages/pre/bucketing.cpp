// Bucketing. Karimireddy, He, Jaggi: "Byzantine-robust learning on heterogeneous datasets via
// bucketing", ICLR 2022: the rows are permuted at random and replaced by the means of ceil(n / s)
// buckets of s (the last may be smaller). f hostile rows spoil at most f buckets. The permutation
// comes from the context's key and step, so it cannot be foreseen without the key.
#include <algorithm>
#include <numeric>

#include "detox/aggregator.hpp"
#include "detox/random.hpp"
#include "kernels/geometry.hpp"
#include "stages/pre/registry.hpp"

namespace detox {
namespace {

class Bucketing final : public PreAggregator {
 public:
  explicit Bucketing(std::size_t size) : size_(size) {}

  void mix(const Geometry& geometry, const AggregationContext& context, std::span<double> weights,
           std::span<std::uint32_t> owners) const override {
    const std::size_t n = geometry.n;
    Workspace::Scope scratch(context.workspace);
    const auto order = scratch.take<std::uint32_t>(n);
    std::iota(order.begin(), order.end(), 0U);
    RandomStream(derive_key(context.key, "bucketing", {context.step})).shuffle(order);
    for (std::size_t place = 0; place < n; ++place) {
      const std::size_t bucket = place / size_;
      const std::size_t members = std::min(size_, n - bucket * size_);
      weights[bucket * n + order[place]] = 1 / static_cast<double>(members);
      owners[order[place]] = static_cast<std::uint32_t>(bucket);
    }
  }

 private:
  std::size_t size_;
};

}  // namespace

std::unique_ptr<PreAggregator> make_bucketing(std::size_t /*f*/, double parameter) {
  return std::make_unique<Bucketing>(static_cast<std::size_t>(parameter));
}

}  // namespace detox
