// Tasks over places, so many at a time at each.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "experiment/place.hpp"

namespace detox {

struct Pool {
  std::vector<Place> places;
  std::size_t cores = 1;    ///< of this machine, shared by what goes on here
  std::size_t threads = 0;  ///< of each task; 0: its share of the cores
};

/// Does all tasks, in their order; `work` answers false where the place is lost: no task is begun
/// there any more, and another place does this one. `look` is called on the calling thread several
/// times a second, and after each task. When `stop` becomes true no task is begun. The number of
/// tasks that were not done. InputError where threads cannot be started.
std::size_t do_all(
    std::size_t tasks, const Pool& pool, const std::atomic<bool>& stop,
    const std::function<bool(std::size_t task, const Place& place, std::size_t threads)>& work,
    const std::function<void()>& look);

}  // namespace detox
