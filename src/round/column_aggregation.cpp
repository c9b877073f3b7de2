#include "round/column_aggregation.hpp"

#include <algorithm>

namespace detox {

void ColumnAggregation::take(const ReadyColumns& columns) {
  const auto begin = parts_.clock.now();
  if (columns.begin == 0) {
    slices_.assign(columns.slices.begin(), columns.slices.end());
    weights_ = parts_.weights_of(slices_);
    const bool can_be =
        parts_.hierarchy.unmet_requirement(std::span<const std::uint32_t>(slices_)).empty() &&
        (weights_.empty() || parts_.hierarchy.unmet_weights(weights_).empty());
    if (!can_be) slices_.clear();
  }
  const std::size_t first = columns.begin / sizeof(float);
  const std::size_t last = std::min(columns.end / sizeof(float), parts_.gradient.size());
  if (slices_.empty() || first != done_ || first >= last) return;
  std::vector<const float*> rows;
  rows.reserve(columns.answers.size());
  for (const std::byte* answer : columns.answers)
    rows.push_back(reinterpret_cast<const float*>(answer) + first);
  parts_.context.weights = weights_;
  parts_.hierarchy.aggregate({rows, last - first}, parts_.bucket_key,
                             parts_.gradient.subspan(first, last - first), parts_.context);
  done_ = last;
  seconds_ += parts_.clock.seconds_since(begin);
}

bool ColumnAggregation::is_whole_for(std::span<const std::uint32_t> slices) const {
  return done_ == parts_.gradient.size() && std::ranges::equal(slices, slices_);
}

}  // namespace detox
