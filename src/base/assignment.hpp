// Which workers may compute which slice in one step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace detox {

/// P workers and k slices. Workers are counted from 0 here and by their MPI rank, from 1, in
/// everything users read.
struct Assignment {
  /// k lists, each without repetition, in the order in which they are asked.
  std::vector<std::vector<std::uint32_t>> workers_of_slice;
  std::vector<std::vector<std::uint32_t>> slices_of_worker;  ///< P lists, each ascending
  /// Who may be asked for a slice besides, in that order; k lists, or none where nobody may.
  std::vector<std::vector<std::uint32_t>> spares_of_slice = {};

  std::size_t workers() const { return slices_of_worker.size(); }
  std::size_t slices() const { return workers_of_slice.size(); }
  bool is_assigned(std::uint32_t worker, std::uint32_t slice) const;
  std::span<const std::uint32_t> spares(std::uint32_t slice) const;
  /// False for any number that is no slice.
  bool is_spare(std::uint32_t worker, std::uint32_t slice) const;
};

/// lists: for each slice its workers, each below `workers` and at most once a list.
Assignment assignment_of(std::vector<std::vector<std::uint32_t>> lists, std::size_t workers);

}  // namespace detox
