#include "stages/optimize/sgd.hpp"

#include <algorithm>
#include <atomic>

#include "base/assert.hpp"
#include "base/finite.hpp"

namespace detox {
namespace {

constexpr std::size_t kBlock = 1U << 16U, kTile = 1U << 11U;

/// The options as they are used, by value: a number behind a reference might change with every
/// value that is written, and then nothing is vectorised.
struct Factors {
  float lr, momentum, decay;
  bool nesterov;
};

void update(Factors factors, std::span<const float> gradient, std::span<float> weights,
            std::span<float> velocity) {
  const auto [lr, momentum, decay, nesterov] = factors;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    // 0 * infinity must not turn a weight into NaN where there is no decay or no momentum.
    const float g = decay == 0.0F ? gradient[i] : gradient[i] + decay * weights[i];
    const float v = momentum == 0.0F ? g : momentum * velocity[i] + g;
    velocity[i] = v;
    weights[i] -= lr * (nesterov ? g + momentum * v : v);
  }
}

}  // namespace

bool sgd_step(const SgdOptions& options, std::span<const float> gradient, std::span<float> weights,
              std::span<float> velocity, ThreadPool& pool) {
  DETOX_ASSERT(gradient.size() == weights.size() && velocity.size() == weights.size());
  const Factors factors{static_cast<float>(options.lr), static_cast<float>(options.momentum),
                        static_cast<float>(options.weight_decay), options.nesterov};
  const std::size_t d = weights.size();
  std::atomic<bool> all_finite = true;
  pool.parallel_for((d + kBlock - 1) / kBlock, [&](std::size_t block, std::size_t) {
    const std::size_t begin = block * kBlock, count = std::min(kBlock, d - begin);
    // Looked at while they are in the nearest cache: one loop for both is slower.
    bool finite = true;
    for (std::size_t done = 0; done < count; done += kTile) {
      const std::size_t first = begin + done, size = std::min(kTile, count - done);
      update(factors, gradient.subspan(first, size), weights.subspan(first, size),
             velocity.subspan(first, size));
      finite = finite && detox::all_finite(weights.subspan(first, size));
    }
    if (!finite) all_finite = false;
  });
  return all_finite;
}

}  // namespace detox
