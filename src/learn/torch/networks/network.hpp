// What a network is inside src/learn: a libtorch module whose parameters and buffers have PyTorch's
// usual names.
#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "detox/random.hpp"

namespace detox {

/// Made for one image shape and number of classes. Its parameters are float32, its buffers float32
/// (statistics) or int64 (counters). As a whole not thread-safe; every learner has one of its own.
class Network : public torch::nn::Module {
 public:
  using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

  /// images (count, channels, height, width) -> logits (count, classes). Free of state besides
  /// parameters and buffers, and draws nothing unless may_draw() says so.
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;

  /// After forward, and after the backward pass where there is one: puts what forward made in the
  /// place of a buffer into the buffer.
  virtual void settle() {}

  /// In the order of the state_dict. Those without a gradient count as buffers.
  virtual NamedTensors trained() const { return pairs(named_parameters()); }
  virtual NamedTensors buffered() const { return pairs(named_buffers()); }

  /// Fills parameters and buffers with what training starts from: PyTorch's default
  /// initialisation, drawn from the key (initialise.cpp).
  virtual void initialise(const Key& key);

  /// Whether forward may draw from libtorch's process-wide generator (generator.hpp).
  virtual bool may_draw() const { return false; }

 private:
  static NamedTensors pairs(const torch::OrderedDict<std::string, torch::Tensor>& tensors) {
    NamedTensors result;
    for (const auto& item : tensors) result.emplace_back(item.key(), item.value());
    return result;
  }
};

}  // namespace detox
