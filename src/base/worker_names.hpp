// Workers as people count them: from 1, as MPI's ranks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace detox {

/// "worker 3", "workers 3, 8 and 17", "workers 1, 2, … and 70 more".
std::string worker_names(const std::vector<std::uint32_t>& workers);

}  // namespace detox
