// What `detoxml --version` prints.
#pragma once

#include <string>

namespace detox {

/// First line "detoxml X.Y.Z" and nothing else, for scripts and for hosts that compare; below it,
/// indented, compiler, libraries as they are loaded, and instruction sets in force.
std::string version_text();

}  // namespace detox
