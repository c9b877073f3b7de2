// LeNet and its training loop as a user of libtorch writes them: what the learner and the local
// engine are measured against. No torch type in this header.
#pragma once

#include <memory>
#include <span>

#include "detox/learner.hpp"

namespace detox {

/// Weights, and batches that lie in tensors already. One thread at a time, one intra-op thread.
class PlainLeNet {
 public:
  /// Batches of 1 x 28 x 28 images in 10 classes; copied, so they may go.
  explicit PlainLeNet(std::span<const Batch> batches);
  ~PlainLeNet();
  PlainLeNet(const PlainLeNet&) = delete;
  PlainLeNet& operator=(const PlainLeNet&) = delete;

  /// In the order of the network's state_dict.
  void set_weights(std::span<const float> weights);

  /// Forward and backward over one batch; answers its mean loss, so that nothing can be left out.
  float step(std::size_t batch);

  /// Whether the last step's gradient is, byte for byte, this one.
  bool gradient_is(std::span<const float> gradient) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
