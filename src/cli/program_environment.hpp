// What the program's runs stand on: libtorch's networks, the registered data sets and image
// folders, and this process's signals.
#pragma once

#include "run/environment.hpp"

namespace detox {

Environment program_environment();

}  // namespace detox
