// Networks and their training loop as a user of libtorch writes them, in the memory layout that is
// fastest: what the learner and the local engine are measured against. No torch type in this
// header.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/learner.hpp"

namespace detox {

/// Weights, and batches that lie in tensors already. One thread at a time, one intra-op thread.
class PlainNetwork {
 public:
  /// LeNet, ResNet18 or VGG13. Batches are copied, so they may go.
  PlainNetwork(std::string_view network, ImageShape shape, std::size_t classes,
               std::span<const Batch> batches);
  ~PlainNetwork();
  PlainNetwork(const PlainNetwork&) = delete;
  PlainNetwork& operator=(const PlainNetwork&) = delete;

  /// In the order of the network's state_dict.
  void set_weights(std::span<const float> weights);

  /// Forward and backward over one batch; answers its mean loss, so that nothing can be left out.
  float step(std::size_t batch);

  /// SGD with momentum 0.9 on the last step's gradient.
  void update(double lr);

  /// Whether the last step's gradient is, byte for byte, this one.
  bool gradient_is(std::span<const float> gradient) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
