// What a network is inside src/learn: a libtorch module whose parameters and buffers have PyTorch's
// usual names.
#pragma once

#include <torch/torch.h>

namespace detox {

/// Made for one image shape and number of classes. Its parameters are float32, its buffers float32
/// (statistics) or int64 (counters). forward is free of state besides these: no draws from
/// process-wide generators, no caches. As a whole not thread-safe; every learner has one of its
/// own.
class Network : public torch::nn::Module {
 public:
  /// images (count, channels, height, width) -> logits (count, classes), contiguous.
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;
};

}  // namespace detox
