// Sizes of a model's flat vectors.
#include "detox/learner.hpp"

namespace detox {
namespace {

std::size_t total(const std::vector<TensorInfo>& tensors) {
  return tensors.empty() ? 0 : tensors.back().offset + tensors.back().size;
}

}  // namespace

std::size_t ModelLayout::parameter_count() const { return total(parameters); }
std::size_t ModelLayout::statistic_count() const { return total(statistics); }
std::size_t ModelLayout::counter_count() const { return total(counters); }

}  // namespace detox
