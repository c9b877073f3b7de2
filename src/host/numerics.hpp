// The numerical profile: which instruction sets ATen, OpenBLAS and oneDNN compute with, and on one
// thread each. The bits of a gradient depend on it, so all processes of a run must have the same.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detox {

/// The profile whose bits are the same on every processor that has AVX2.
inline constexpr const char* kPortableProfile = "portable";

/// What of the processor a profile needs; weakest first.
enum class Vectors { kNone, kAvx2, kAvx512 };

/// The widest vectors that this processor and kernel have (AVX-512 with F, CD, BW, DQ and VL; AVX2
/// with FMA).
Vectors vectors_of_this_processor();

/// "avx512", "portable" (AVX2, the same bits on every processor that has it) or "baseline" (below
/// AVX2).
std::string_view profile_for(Vectors vectors);

/// DETOX_PROFILE and all other variables that pin the named profile, as name and value. UsageError
/// for an unknown name.
std::vector<std::pair<std::string, std::string>> profile_variables(std::string_view profile);

/// Pins the profile: first thing in main, before the learner module is opened, before MPI and
/// before a thread is made, because libraries read these variables when they are loaded.
/// DETOX_PROFILE chooses the profile where it is set (the launcher sets it for all ranks; a user
/// may, for "portable"), else the processor does; a shell's own OPENBLAS_CORETYPE and the like are
/// replaced. Answers whether a variable had another value. InputError where this processor cannot
/// run the profile, UsageError where DETOX_PROFILE names none. A rank under mpirun takes its
/// processor's own profile instead of one that it cannot run: whether it may take part is found out
/// by its bits.
bool pin_numerics();

/// Where pin_numerics() refuses what DETOX_PROFILE says: goes on without it and remembers why, for
/// who is to examine the machine.
void pin_numerics_whatever();

/// Why DETOX_PROFILE was passed over by pin_numerics_whatever(); empty where it was not.
const std::string& refused_profile();

/// What this process was started with and pin_numerics() has replaced, as NAME=VALUE.
const std::vector<std::string>& replaced_variables();

/// The name of the profile that was pinned.
std::string profile_in_force();

/// Pins this profile in place of the one that is in force; as early as pin_numerics(). Does nothing
/// under mpirun where this processor cannot run it. InputError as above.
void pin_profile(std::string_view profile);

/// This processor for people: its model and which vector extensions it has.
std::string processor_name();

}  // namespace detox
