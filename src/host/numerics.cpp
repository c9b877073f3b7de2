#include "host/numerics.hpp"

#include <fmt/format.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <sstream>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
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

constexpr const char* kReplaced = "DETOX_PROFILE_REPLACED";
constexpr const char* kRefused = "DETOX_PROFILE_REFUSED";

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

bool is_in_environment(const Profile& profile) {
  const auto variables = profile_variables(profile.name);
  return std::all_of(variables.begin(), variables.end(), [](const auto& variable) {
    const char* value = std::getenv(variable.first.c_str());
    return value != nullptr && variable.second == value;
  });
}

bool is_rank() { return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr; }

std::string cannot_run(const Profile& profile, Vectors here) {
  return fmt::format(
      "the numerical profile {} needs a processor with {} and this one has {}: DETOX_PROFILE={} "
      "works here",
      profile.name, vectors_name(profile.needs), vectors_name(here), profile_for(here));
}

/// What a shell exported and the profile replaces, one NAME=VALUE a line, behind the id of this
/// process.
void remember_replaced(const Profile& profile) {
  std::string replaced = std::to_string(getpid()) + "\n";
  for (const auto& [name, value] : profile_variables(profile.name)) {
    const char* exported = std::getenv(name.c_str());
    if (exported != nullptr && value != exported)
      replaced += fmt::format("{}={}\n", name, exported);
  }
  setenv(kReplaced, replaced.c_str(), 1);
}

[[noreturn]] void execute_again(const Profile& profile, std::vector<char*> arguments) {
  remember_replaced(profile);
  for (const auto& [name, value] : profile_variables(profile.name))
    setenv(name.c_str(), value.c_str(), 1);
  setenv(kGuard, std::to_string(getpid()).c_str(), 1);
  arguments.push_back(nullptr);
  execv(own_program().c_str(), arguments.data());
  throw InputError(fmt::format("cannot execute {} again with its numerical profile: {}",
                               own_program(), std::strerror(errno)));
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
          // oneDNN looks for these names first.
          {"ONEDNN_MAX_CPU_ISA", profile.onednn},
          {"ONEDNN_CPU_ISA_HINTS", "NO_HINTS"},
          {"ONEDNN_DEFAULT_FPMATH_MODE", "STRICT"},
          {"OPENBLAS_NUM_THREADS", "1"},
          {"OMP_NUM_THREADS", "1"},
          {"MKL_NUM_THREADS", "1"}};
}

void pin_numerics(int argc, char** argv) {
  const Vectors here = vectors_of_this_processor();
  const char* wanted = std::getenv("DETOX_PROFILE");
  const Profile* profile = &profile_named(wanted != nullptr ? wanted : profile_for(here));
  if (profile->needs > here) {
    if (!is_rank()) throw InputError(cannot_run(*profile, here));
    log_info("this processor has {} and cannot run the numerical profile {}: this rank runs {}",
             vectors_name(here), profile->name, profile_for(here));
    profile = &profile_named(profile_for(here));
  } else if (is_in_environment(*profile)) {
    return;
  }
  const std::string own_id = std::to_string(getpid());
  const char* guard = std::getenv(kGuard);
  if (guard != nullptr && own_id == guard) {
    throw InputError("the environment does not keep the numerical profile " +
                     std::string(profile->name) + ": set DETOX_PROFILE and its variables yourself");
  }
  if (wanted == nullptr && here == Vectors::kNone) {
    log_info("this processor has no AVX2: the numerical profile is {}, and training is slow",
             profile->name);
  }
  std::vector<char*> arguments(argv, argv + argc);
  execute_again(*profile, std::move(arguments));
}

void pin_numerics_whatever(int argc, char** argv) {
  try {
    pin_numerics(argc, argv);
  } catch (const Error& error) {
    setenv(kRefused, error.what(), 1);
    unsetenv("DETOX_PROFILE");
    pin_numerics(argc, argv);
  }
}

std::string refused_profile() {
  const char* why = std::getenv(kRefused);
  return why == nullptr ? "" : why;
}

std::vector<std::string> replaced_variables() {
  const char* text = std::getenv(kReplaced);
  std::vector<std::string> lines;
  std::istringstream replaced(text == nullptr ? "" : text);
  for (std::string line; std::getline(replaced, line);) lines.push_back(line);
  if (lines.empty() || lines.front() != std::to_string(getpid())) return {};
  lines.erase(lines.begin());
  return lines;
}

std::string profile_in_force() {
  const char* pinned = std::getenv("DETOX_PROFILE");
  return pinned != nullptr ? pinned : std::string(profile_for(vectors_of_this_processor()));
}

void pin_profile(std::string_view name) {
  const Profile& profile = profile_named(name);
  if (is_in_environment(profile)) return;
  const Vectors here = vectors_of_this_processor();
  if (profile.needs > here) {
    if (is_rank()) return;
    throw InputError(cannot_run(profile, here));
  }
  std::vector<std::string> words = own_arguments();
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  execute_again(profile, std::move(arguments));
}

std::string processor_name() {
  std::string name;
#if defined(__x86_64__)
  constexpr unsigned kBrand = 0x80000002, kBrandWords = 3;
  for (unsigned leaf = kBrand; leaf < kBrand + kBrandWords; ++leaf) {
    std::array<unsigned, 4> words{};
    if (__get_cpuid(leaf, words.data(), &words[1], &words[2], &words[3]) == 0) break;
    name.append(reinterpret_cast<const char*>(words.data()), sizeof words);
  }
  name.resize(std::min(name.size(), name.find('\0')));  // the rest is padding
  const auto add = [&name](bool has, const char* feature) {
    if (has) name += std::string(" ") + feature;
  };
  add(__builtin_cpu_supports("sse4.2"), "sse4.2");
  add(__builtin_cpu_supports("avx"), "avx");
  add(__builtin_cpu_supports("fma"), "fma");
  add(__builtin_cpu_supports("avx2"), "avx2");
  add(__builtin_cpu_supports("avx512f"), "avx512f");
  add(__builtin_cpu_supports("avx512vl"), "avx512vl");
  add(__builtin_cpu_supports("avx512vnni"), "avx512vnni");
  add(__builtin_cpu_supports("avx512bf16"), "avx512bf16");
#endif
  return name.empty() ? "unknown" : name;
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
