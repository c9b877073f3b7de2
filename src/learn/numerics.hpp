// What libtorch says of itself.
#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "learn/memory_layout.hpp"

namespace detox {

/// Library versions, instruction sets in force, threads and this memory layout, in one line.
std::string numerical_profile(MemoryLayout layout);

/// libtorch's message without its stack of calls.
std::string first_line_of(const c10::Error& error);

}  // namespace detox
