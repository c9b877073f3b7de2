#include "cli/numerics.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "base/log.hpp"
#include "base/names.hpp"
#include "cli/own_program.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

struct Profile {
  std::string_view name;
  Vectors needs;
  const char* aten;
  const char* openblas;
  const char* onednn;
};

constexpr std::array<Profile, 3> kProfiles{{
    {"avx512", Vectors::kAvx512, "avx2", "SkylakeX", "AVX512_CORE"},
    {"baseline", Vectors::kNone, "default", "Prescott", "SSE41"},
    {"portable", Vectors::kAvx2, "avx2", "Haswell", "AVX2"},
}};

/// Holds the id of the process that has already executed itself once: an id survives that, and
/// children have another.
constexpr const char* kGuard = "DETOX_PROFILE_PINNED";

const Profile& profile_named(std::string_view name) {
  std::vector<std::string_view> valid;
  for (const Profile& profile : kProfiles) {
    if (profile.name == name) return profile;
    valid.push_back(profile.name);
  }
  throw UsageError(unknown_name("DETOX_PROFILE", name, valid));
}

std::string_view vectors_name(Vectors vectors) {
  switch (vectors) {
    case Vectors::kAvx512:
      return "AVX-512";
    case Vectors::kAvx2:
      return "AVX2";
    default:
      return "no AVX2";
  }
}

}  // namespace

Vectors vectors_of_this_processor() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return Vectors::kAvx512;
  }
  if (avx2) return Vectors::kAvx2;
#endif
  return Vectors::kNone;
}

std::string_view profile_for(Vectors vectors) {
  return std::find_if(kProfiles.begin(), kProfiles.end(),
                      [vectors](const Profile& profile) { return profile.needs == vectors; })
      ->name;
}

std::vector<std::pair<std::string, std::string>> profile_variables(std::string_view name) {
  const Profile& profile = profile_named(name);
  return {{"DETOX_PROFILE", std::string(profile.name)},
          {"ATEN_CPU_CAPABILITY", profile.aten},
          {"OPENBLAS_CORETYPE", profile.openblas},
          {"DNNL_MAX_CPU_ISA", profile.onednn},
          {"OPENBLAS_NUM_THREADS", "1"},
          {"OMP_NUM_THREADS", "1"},
          {"MKL_NUM_THREADS", "1"}};
}

void pin_numerics(int argc, char** argv) {
  const Vectors here = vectors_of_this_processor();
  const char* wanted = std::getenv("DETOX_PROFILE");
  const Profile& profile = profile_named(wanted != nullptr ? wanted : profile_for(here));
  if (profile.needs > here) {
    throw InputError(fmt::format(
        "the numerical profile {} needs a processor with {} and this one has {}: DETOX_PROFILE={} "
        "works here",
        profile.name, vectors_name(profile.needs), vectors_name(here), profile_for(here)));
  }
  const auto variables = profile_variables(profile.name);
  const bool pinned = std::all_of(variables.begin(), variables.end(), [](const auto& variable) {
    const char* value = std::getenv(variable.first.c_str());
    return value != nullptr && variable.second == value;
  });
  if (pinned) return;
  const std::string own_id = std::to_string(getpid());
  const char* guard = std::getenv(kGuard);
  if (guard != nullptr && own_id == guard) {
    throw InputError("the environment does not keep the numerical profile " +
                     std::string(profile.name) + ": set DETOX_PROFILE and its variables yourself");
  }
  if (wanted == nullptr && here == Vectors::kNone) {
    log_info("this processor has no AVX2: the numerical profile is {}, and training is slow",
             profile.name);
  }
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  setenv(kGuard, own_id.c_str(), 1);
  std::vector<char*> arguments(argv, argv + argc);
  arguments.push_back(nullptr);
  execv(own_program().c_str(), arguments.data());
  throw InputError(fmt::format("cannot execute {} again with its numerical profile: {}",
                               own_program(), std::strerror(errno)));
}

namespace {

/// The linker puts this before the initialisation of all libraries. Executed again only in main,
/// a program would initialise libtorch twice, 0.4 s of processor time.
void pin_before_libraries(int argc, char** argv, char** environment) {
  environ = environment;  // the C library sets it later
  try {
    pin_numerics(argc, argv);
  } catch (const std::exception&) {
    // main finds the same fault, and can say so.
  }
}

[[gnu::section(".preinit_array"),
  gnu::used]] void (*const kPinBeforeLibraries)(int, char**, char**) = pin_before_libraries;

}  // namespace
}  // namespace detox
