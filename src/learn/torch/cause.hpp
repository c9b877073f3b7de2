// What libtorch says of a failure, without what it says of itself.
#pragma once

#include <exception>
#include <string>

namespace detox {

/// The cause in one line of ASCII: without stacks of calls, places in libtorch's source, and the
/// tracebacks of TorchScript.
std::string cause_of(const std::exception& error);

}  // namespace detox
