// The numerical profile that a command of train, which is passed on, asks for.
#pragma once

#include <string>
#include <vector>

#include "config/choices.hpp"

namespace detox {

/// What --numerics says in a command line of `train` (later words win, files of --config lose):
/// auto where it says nothing, or nothing that `train` accepts, which is for `train` to say.
Numerics numerics_option(const std::vector<std::string>& command);

}  // namespace detox
