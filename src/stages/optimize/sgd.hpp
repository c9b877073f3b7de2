// Step "optimize": weights, gradient -> weights of step t + 1. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "detox/thread_pool.hpp"

namespace detox {

struct SgdOptions {
  double lr = 0.01;
  double momentum = 0.9;
  double weight_decay = 0;
  bool nesterov = false;
};

/// PyTorch's SGD without dampening (torch.optim.SGD), in float32 by separate multiplications and
/// additions:
///   g += weight_decay * w;  v = momentum * v + g;  w -= lr * (nesterov ? g + momentum * v : v).
/// All spans have d coordinates; velocity starts at zero. One pass. Whether all weights are finite
/// afterwards.
bool sgd_step(const SgdOptions& options, std::span<const float> gradient, std::span<float> weights,
              std::span<float> velocity, ThreadPool& pool);

}  // namespace detox
