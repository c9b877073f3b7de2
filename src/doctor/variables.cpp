#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "detox/errors.hpp"
#include "doctor/doctor.hpp"
#include "host/mpi_start.hpp"
#include "host/numerics.hpp"
#include "kernels/target.hpp"

namespace detox {
namespace {

struct Suspect {
  const char* name;
  const char* why;
};

// What is exported on purpose somewhere and stays behind: each costs speed here, or bits.
constexpr std::array<Suspect, 12> kSuspects{{
    {"LD_PRELOAD", "puts other functions in the place of the libraries'"},
    {"LD_BIND_NOW", "binds all of libtorch's functions at each start"},
    {"OMP_PROC_BIND", "may bind all threads to one core"},
    {"OMP_PLACES", "may bind all threads to one core"},
    {"GOMP_CPU_AFFINITY", "may bind all threads to one core"},
    {"MALLOC_CHECK_", "makes each allocation slow"},
    {"MALLOC_PERTURB_", "makes each allocation slow"},
    {"GLIBC_TUNABLES", "changes the C library's memory or string functions"},
    {"DNNL_VERBOSE", "prints a line for each operation"},
    {"ONEDNN_VERBOSE", "prints a line for each operation"},
    {"DNNL_JIT_DUMP", "writes a file for each operation"},
    {"ONEDNN_JIT_DUMP", "writes a file for each operation"},
}};

Finding profile_finding() {
  if (const std::string& why = refused_profile(); !why.empty())
    return Finding::error("profile", why, "unset DETOX_PROFILE");
  const std::string in_force = profile_in_force();
  const std::string own(profile_for(vectors_of_this_processor()));
  const std::string text =
      fmt::format("gradients are computed with {} on: {}", in_force, processor_name());
  // Without AVX2 there is no other profile, and the processor is what is slow.
  if (in_force == own) {
    if (vectors_of_this_processor() != Vectors::kNone) return Finding::ok("profile", text);
    return Finding::warning("profile", text + ", which has no AVX2: training is slow",
                            "another machine");
  }
  return Finding::warning(
      "profile",
      fmt::format(
          "DETOX_PROFILE={} is exported, and this processor can do {}: slower, with other bits",
          in_force, own),
      "unset DETOX_PROFILE");
}

Finding kernel_finding() {
  try {
    const std::string in_force = kernel_target_name();
    const char* forced = std::getenv("DETOX_KERNEL_TARGET");
    if (forced != nullptr && *forced != '\0') {
      force_kernel_target("");
      const std::string best = kernel_target_name();
      force_kernel_target(forced);
      if (best != in_force) {
        return Finding::warning(
            "rules",
            fmt::format("DETOX_KERNEL_TARGET={} is exported, and this processor can do {}",
                        in_force, best),
            "unset DETOX_KERNEL_TARGET");
      }
    }
    return Finding::ok("rules", "computed with " + in_force);
  } catch (const Error& error) {
    return Finding::error("rules", error.what(), "unset DETOX_KERNEL_TARGET");
  }
}

}  // namespace

Findings examine_variables() {
  const std::vector<std::string>& replaced = replaced_variables();
  Findings findings = {profile_finding(), kernel_finding()};
  if (!replaced.empty()) {
    findings.push_back(Finding::ok(
        "variables",
        fmt::format("{} exported, and replaced by the profile: no cost here, but other programs of "
                    "this shell obey",
                    fmt::join(replaced, ", "))));
  }
  bool suspicious = false;
  for (const Suspect& suspect : kSuspects) {
    const char* value = std::getenv(suspect.name);
    if (value == nullptr || *value == '\0') continue;
    suspicious = true;
    findings.push_back(Finding::warning(
        "variables", fmt::format("{}={} is exported: it {}", suspect.name, value, suspect.why),
        fmt::format("unset {}", suspect.name)));
  }
  const std::vector<std::string> parameters = mpi_parameters();
  if (!parameters.empty()) {
    suspicious = true;
    findings.push_back(Finding::warning(
        "variables",
        fmt::format("{} exported: Open MPI's parameters are no longer those that were measured",
                    fmt::join(parameters, ", ")),
        fmt::format("unset {}", fmt::join(parameters, " "))));
  }
  if (!suspicious && replaced.empty())
    findings.push_back(Finding::ok("variables", "none that costs speed or bits is exported"));
  return findings;
}

}  // namespace detox
