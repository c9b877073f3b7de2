// What libtorch says of itself.
#pragma once

#include <string>

#include "learn/torch/memory_layout.hpp"

namespace detox {

/// Library versions, instruction sets in force, threads and this memory layout, in one line.
std::string numerical_profile(MemoryLayout layout);

}  // namespace detox
