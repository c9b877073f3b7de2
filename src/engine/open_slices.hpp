// For whom a step's slices without a majority wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assignment.hpp"

namespace detox {

/// The slices of a step that are open, and how many of whose workers are awaited. Every call but
/// begin() costs the same for any number of slices.
class OpenSlices {
 public:
  /// Every slice is open; awaited has a flag a worker. The assignment outlives the step.
  void begin(const Assignment& assignment, std::vector<bool> awaited);

  /// The worker is waited for from now on.
  void await(std::uint32_t worker);
  /// It has answered, or is not waited for any more.
  void forget(std::uint32_t worker);
  /// Whatever its workers say, the slice is not open any more.
  void close(std::uint32_t slice);

  /// Open slices for which somebody is awaited.
  std::size_t waiting() const { return waiting_; }

 private:
  const std::uint32_t* slice_of_worker_ = nullptr;
  std::vector<bool> awaited_;         ///< by worker
  std::vector<bool> closed_;          ///< by slice
  std::vector<std::size_t> missing_;  ///< by slice: awaited workers; 0 where it is closed
  std::size_t waiting_ = 0;
};

}  // namespace detox
