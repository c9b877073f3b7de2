// What `detoxml --version` prints.
#pragma once

#include <string>

namespace detox {

/// First line "detoxml X.Y.Z" and nothing else, for scripts and for hosts that compare; below it,
/// indented, compiler, libraries as they are loaded, and instruction sets in force.
std::string version_text();

/// What the bytes of a run come from besides its configuration and its data, in one line: "0.1.0
/// (sources 1a2b3c4d), libtorch 1.13.1, avx512". The sources are those that compute, so a program
/// that was changed and built again is another one.
std::string result_version();

}  // namespace detox
