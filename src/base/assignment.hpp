// Which worker computes which slice in one step.
#pragma once

#include <cstdint>
#include <vector>

namespace detox {

/// P workers and k slices; every worker has one slice. Workers are counted from 0 here and by their
/// MPI rank, from 1, in everything users read.
struct Assignment {
  std::vector<std::uint32_t> slice_of_worker;                ///< P entries in [0, k)
  std::vector<std::vector<std::uint32_t>> workers_of_slice;  ///< k lists, each ascending

  std::size_t workers() const { return slice_of_worker.size(); }
  std::size_t slices() const { return workers_of_slice.size(); }
};

}  // namespace detox
