// Which instruction set the kernels run on. Results do not depend on it; only speed does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// "avx3" (AVX-512), "avx2", "sse4" or "scalar", on 64-bit Arm "neon" or "scalar": what the next
/// kernel call will run on. The first call reads the environment variable DETOX_KERNEL_TARGET,
/// which forces one of these; UsageError where it holds another word or an instruction set that
/// this processor lacks. Thread-safe.
std::string kernel_target_name();

/// Those of this architecture, the best first.
std::vector<std::string_view> kernel_target_names();

/// Forces an instruction set from now on ("" is the best one there is); UsageError as above. Not
/// while kernels run.
void force_kernel_target(std::string_view name);

/// Reads the environment variable unless that was done. Every kernel calls it first; cheap.
void prepare_kernel_target();

}  // namespace detox
