#include "host/numerics.hpp"

#include <fmt/format.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
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
    {.name = "avx512",
     .needs = Vectors::kAvx512,
     .aten = "avx2",
     .openblas = "SkylakeX",
     .onednn = "AVX512_CORE"},
    {.name = "baseline",
     .needs = Vectors::kNone,
     .aten = "default",
     .openblas = "Prescott",
     .onednn = "SSE41"},
    {.name = "portable",
     .needs = Vectors::kAvx2,
     .aten = "avx2",
     .openblas = "Haswell",
     .onednn = "AVX2"},
}};

std::vector<std::string> replaced;  ///< by the main thread, before there is another
std::string refusal;

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

bool is_rank() { return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr; }

std::string cannot_run(const Profile& profile, Vectors here) {
  return fmt::format(
      "the numerical profile {} needs a processor with {} and this one has {}: DETOX_PROFILE={} "
      "works here",
      profile.name, vectors_name(profile.needs), vectors_name(here), profile_for(here));
}

/// Whether a variable had another value.
bool set_variables(const Profile& profile) {
  bool is_other = false;
  for (const auto& [name, value] : profile_variables(profile.name)) {
    const char* before = std::getenv(name.c_str());
    if (before != nullptr && value == before) continue;
    is_other = true;
    if (before != nullptr) replaced.push_back(fmt::format("{}={}", name, before));
    if (setenv(name.c_str(), value.c_str(), 1) != 0)
      throw InputError(fmt::format("{} cannot be set: {}", name, std::strerror(errno)));
  }
  return is_other;
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

bool pin_numerics() {
  const Vectors here = vectors_of_this_processor();
  const char* wanted = std::getenv("DETOX_PROFILE");
  const Profile* profile = &profile_named(wanted != nullptr ? wanted : profile_for(here));
  if (profile->needs > here) {
    if (!is_rank()) throw InputError(cannot_run(*profile, here));
    log_info("this processor has {} and cannot run the numerical profile {}: this rank runs {}",
             vectors_name(here), profile->name, profile_for(here));
    profile = &profile_named(profile_for(here));
  }
  if (wanted == nullptr && here == Vectors::kNone) {
    log_info("this processor has no AVX2: the numerical profile is {}, and training is slow",
             profile->name);
  }
  return set_variables(*profile);
}

void pin_numerics_whatever() {
  try {
    pin_numerics();
  } catch (const Error& error) {
    refusal = error.what();
    unsetenv("DETOX_PROFILE");
    pin_numerics();
  }
}

const std::string& refused_profile() { return refusal; }

const std::vector<std::string>& replaced_variables() { return replaced; }

std::string profile_in_force() {
  const char* pinned = std::getenv("DETOX_PROFILE");
  return pinned != nullptr ? pinned : std::string(profile_for(vectors_of_this_processor()));
}

void pin_profile(std::string_view name) {
  const Profile& profile = profile_named(name);
  const Vectors here = vectors_of_this_processor();
  if (profile.needs > here) {
    if (is_rank()) return;
    throw InputError(cannot_run(profile, here));
  }
  set_variables(profile);
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

}  // namespace detox
