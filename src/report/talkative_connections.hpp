// Viewers who send without an end: the library reads the lines of a request, however many come.
#pragma once

#include <cstdint>

namespace detox {

/// Shuts down each of this process's TCP connections that has received more than `most` bytes.
void drop_talkative_connections(std::uint64_t most);

}  // namespace detox
