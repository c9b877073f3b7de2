#include "engine/server_replica.hpp"

#include <utility>

#include "exchange/answer_digests.hpp"

namespace detox {

ServerReplica::ServerReplica(const Parts& parts, std::unique_ptr<Learner> learner)
    : parts_(parts),
      reader_(parts.data, {parts.data.size(), parts.slices, parts.samples_per_step, parts.data_key},
              parts.data_key),
      computer_(std::move(learner)) {}

ServerReplica::Answer ServerReplica::compute(const StepOrder& order, std::uint32_t slice,
                                             const Digest& weights, const Chunks& chunks) {
  if (order.round() != round_) {
    reader_.begin_step(order.step);
    round_ = order.round();
    used_ = 0;
  }
  if (used_ == kept_.size()) kept_.push_back({parts_.format.make_slot(), {}});
  auto& [slot, digests] = kept_[used_++];
  reader_.read(slice, batch_);
  computer_.compute(batch_.batch(), order.parameters, order.statistics, parts_.format, slot);
  const std::span<const std::byte> bytes = parts_.format.seal(slot, order.step);
  digests = digests_of_answer({.step = order.step,
                               .slice = slice,
                               .weights = weights,
                               .codec = parts_.codec,
                               .d = parts_.format.d()},
                              chunks, bytes);
  return {bytes, digests};
}

}  // namespace detox
