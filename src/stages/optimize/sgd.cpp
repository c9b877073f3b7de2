#include "stages/optimize/sgd.hpp"

#include <algorithm>
#include <atomic>

#include "base/assert.hpp"
#include "base/finite.hpp"

namespace detox {
namespace {

constexpr std::size_t kBlock = 1U << 16U;

/// The options as they are used, by value: a number behind a reference might change with every
/// value that is written, and then nothing is vectorised.
struct Factors {
  float lr, momentum, decay;
  bool nesterov;
};

/// Whether the weights are finite afterwards.
bool update(Factors factors, std::span<const float> gradient, std::span<float> weights,
            std::span<float> velocity) {
  const auto [lr, momentum, decay, nesterov] = factors;
  FiniteCheck check;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    // 0 * infinity must not turn a weight into NaN where there is no decay or no momentum.
    const float g = decay == 0.0F ? gradient[i] : gradient[i] + decay * weights[i];
    const float v = momentum == 0.0F ? g : momentum * velocity[i] + g;
    velocity[i] = v;
    const float w = weights[i] - lr * (nesterov ? g + momentum * v : v);
    weights[i] = w;
    check.add(w);
  }
  return check.all_finite();
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
    if (!update(factors, gradient.subspan(begin, count), weights.subspan(begin, count),
                velocity.subspan(begin, count))) {
      all_finite = false;
    }
  });
  return all_finite;
}

}  // namespace detox
