#pragma once

#include <string>

namespace detox {

/// The file of the program that runs. InputError where the system does not tell.
std::string own_program();

}  // namespace detox
