// Which slices a step goes on with where it does not wait for all of them (--num-aggregate).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace detox {

/// The slices of one step in the order in which they got their majorities. No threads; a call costs
/// O(k) at most.
class FirstResolved {
 public:
  explicit FirstResolved(std::size_t wanted = 0) : wanted_(wanted) {}

  /// `slice` has its majority; that it has it is noted once.
  void note(std::uint32_t slice) {
    if (std::ranges::find(order_, slice) == order_.end()) order_.push_back(slice);
  }

  bool has_enough() const { return order_.size() >= wanted_; }

  /// The first `wanted`, all where there are fewer. Ascending: what is made of them depends on
  /// which they are, and not on the order in which they came.
  std::vector<std::uint32_t> chosen() const {
    std::vector<std::uint32_t> slices(
        order_.begin(),
        order_.begin() + static_cast<std::ptrdiff_t>(std::min(wanted_, order_.size())));
    std::ranges::sort(slices);
    return slices;
  }

 private:
  std::size_t wanted_;
  std::vector<std::uint32_t> order_;
};

}  // namespace detox
