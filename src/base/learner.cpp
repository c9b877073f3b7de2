// A model's flat vectors.
#include "base/learner.hpp"

namespace detox {
namespace {

std::size_t total(const std::vector<TensorInfo>& tensors) {
  return tensors.empty() ? 0 : tensors.back().offset + tensors.back().size;
}

}  // namespace

std::size_t ModelLayout::parameter_count() const { return total(parameters); }
std::size_t ModelLayout::statistic_count() const { return total(statistics); }
std::size_t ModelLayout::counter_count() const { return total(counters); }

void ModelLayout::count_step(std::span<std::int64_t> values) const {
  for (const TensorInfo& counter : counters) {
    if (!counts_batches(counter.name)) continue;
    for (std::int64_t& value : values.subspan(counter.offset, counter.size)) ++value;
  }
}

}  // namespace detox
