// The file in which a run leaves its exit code for a launcher that waits (launch/supervise.hpp).
#pragma once

namespace detox {

/// The environment variable that names it, set by the launcher for every rank.
inline constexpr const char* kResultVariable = "DETOX_RESULT_FILE";

/// Of a file beside it: made by rank 0 that has waited for MPI in vain.
inline constexpr const char* kLateSuffix = ".late";

}  // namespace detox
