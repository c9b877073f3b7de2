// For whom a step's slices without a majority wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace detox {

/// The slices of a step that are open, and how many awaited workers owe each an answer. Every call
/// but begin() costs what that worker owes, for any number of slices.
class OpenSlices {
 public:
  /// So many slices are open, and nobody owes anything; awaited has a flag a worker.
  void begin(std::size_t slices, std::vector<bool> awaited);

  /// The worker was asked for an answer.
  void order(std::uint32_t worker, std::uint32_t slice);
  /// And has given it.
  void answered(std::uint32_t worker, std::uint32_t slice);
  /// What it owes, in the order in which it was asked.
  const std::vector<std::uint32_t>& owed(std::uint32_t worker) const { return owed_[worker]; }

  /// The worker is waited for from now on.
  void await(std::uint32_t worker);
  /// It is not waited for any more.
  void forget(std::uint32_t worker);
  /// Whatever its workers say, the slice is not open any more.
  void close(std::uint32_t slice);
  /// It is again. Costs what all workers owe.
  void reopen(std::uint32_t slice);

  /// Open slices for which somebody is awaited.
  std::size_t waiting() const { return waiting_; }

 private:
  void one_more(std::uint32_t slice);
  void one_less(std::uint32_t slice);

  std::vector<std::vector<std::uint32_t>> owed_;  ///< by worker
  std::vector<bool> awaited_;                     ///< by worker
  std::vector<bool> closed_;                      ///< by slice
  std::vector<std::size_t> missing_;  ///< by slice: awaited workers; 0 where it is closed
  std::size_t waiting_ = 0;
};

}  // namespace detox
