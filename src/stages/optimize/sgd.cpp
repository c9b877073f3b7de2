#include "stages/optimize/sgd.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace detox {
namespace {

constexpr std::size_t kBlock = 1U << 16U;

}  // namespace

void sgd_step(const SgdOptions& options, std::span<const float> gradient, std::span<float> weights,
              std::span<float> velocity, ThreadPool& pool) {
  DETOX_ASSERT(gradient.size() == weights.size() && velocity.size() == weights.size());
  const auto lr = static_cast<float>(options.lr);
  const auto momentum = static_cast<float>(options.momentum);
  const auto decay = static_cast<float>(options.weight_decay);
  const bool nesterov = options.nesterov;
  const std::size_t d = weights.size();
  pool.parallel_for((d + kBlock - 1) / kBlock, [&](std::size_t block, std::size_t) {
    for (std::size_t i = block * kBlock; i < std::min(d, (block + 1) * kBlock); ++i) {
      // 0 * infinity must not turn a weight into NaN where there is no decay or no momentum.
      const float g = decay == 0.0F ? gradient[i] : gradient[i] + decay * weights[i];
      const float v = momentum == 0.0F ? g : momentum * velocity[i] + g;
      velocity[i] = v;
      weights[i] -= lr * (nesterov ? g + momentum * v : v);
    }
  });
}

}  // namespace detox
