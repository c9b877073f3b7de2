#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/cores.hpp"
#include "detox/errors.hpp"
#include "doctor/doctor.hpp"
#include "host/numerics.hpp"
#include "learn/learner_file.hpp"
#include "learn/open_learner.hpp"

namespace detox {
namespace {

/// The least of some runs' seconds, as others may be busy on this machine.
double least_seconds(int runs, const std::function<void()>& work) {
  double least = 1e9;
  const Clock::time_point start = Clock::real().now();
  for (int i = 0; i < runs && (i == 0 || Clock::real().seconds_since(start) < 1.0); ++i) {
    const Clock::time_point begin = Clock::real().now();
    work();
    least = std::min(least, Clock::real().seconds_since(begin));
  }
  return least;
}

/// Cycles a nanosecond, from multiplications that wait for each other: three cycles each on the x86
/// processors of the last 15 years.
double clock_in_ghz() {
  constexpr int kMultiplications = 100'000, kCycles = 3;
  const double seconds = least_seconds(200, [] {
    std::uint64_t x = 1;
    for (int i = 0; i < kMultiplications; ++i) {
      x *= 0x9e3779b97f4a7c15U;
      asm volatile("" : "+r"(x));
    }
  });
  return kMultiplications * kCycles / seconds * 1e-9;
}

/// Of the BLAS that computes gradients; 0 where no library has sgemm.
double sgemm_gflops() {
  using Sgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const float*,
                         const float*, const int*, const float*, const int*, const float*, float*,
                         const int*);
  const auto sgemm = reinterpret_cast<Sgemm>(open_learner().sgemm());
  if (sgemm == nullptr) return 0;
  constexpr int kSize = 512;
  constexpr double kOperations = 2.0 * kSize * kSize * kSize;
  const float one = 1, zero = 0;
  const std::vector<float> a(std::size_t{kSize} * kSize, 0.5F),
      b(std::size_t{kSize} * kSize, 0.25F);
  std::vector<float> c(std::size_t{kSize} * kSize);
  const double seconds = least_seconds(20, [&] {
    sgemm("N", "N", &kSize, &kSize, &kSize, &one, a.data(), &kSize, b.data(), &kSize, &zero,
          c.data(), &kSize);
  });
  return kOperations / seconds * 1e-9;
}

/// Two fused multiply-adds a cycle in vectors of the profile's width.
double flops_a_cycle() {
  if (profile_in_force() == "avx512") return 64;
  return profile_in_force() == kPortableProfile ? 32 : 8;
}

std::string remedy_for_reference_blas() {
  if (std::getenv("LD_LIBRARY_PATH") != nullptr) return "unset LD_LIBRARY_PATH";
#if defined(__x86_64__)
  constexpr const char* kTriplet = "x86_64-linux-gnu";
#else
  constexpr const char* kTriplet = "aarch64-linux-gnu";
#endif
  if (std::filesystem::exists(fmt::format("/usr/lib/{}/openblas-pthread/libblas.so.3", kTriplet)))
    return fmt::format("sudo update-alternatives --auto libblas.so.3-{}", kTriplet);
  return command_to_install("libopenblas0-pthread");
}

using Libraries = std::vector<std::pair<std::string, std::string>>;

std::string version_of(const Libraries& libraries, std::string_view wanted) {
  for (const auto& [name, version] : libraries) {
    if (name == wanted) return version;
  }
  return "none";
}

/// Which module computes, and with what, but for the BLAS.
Finding learner_finding(const Libraries& libraries) {
  std::string text = learner_file().string();
  for (const auto& [name, version] : libraries) {
    if (name != "BLAS") text += fmt::format("; {} {}", name, version);
  }
  return Finding::ok("learner", text);
}

Finding blas_finding(const Libraries& libraries) {
  const std::string name = version_of(libraries, "BLAS");
  const double before = clock_in_ghz(), gflops = sgemm_gflops();
  const double ghz = std::max(before, clock_in_ghz());
  const double peak = flops_a_cycle() * ghz;
  const std::string text = fmt::format(
      "{}; sgemm {:.0f} GFLOP/s on one thread, {:.0f} % of what the profile can at {:.1f} GHz",
      name, gflops, 100 * gflops / peak, ghz);
  const bool optimised = name.starts_with("OpenBLAS") || name.starts_with("MKL");
  if (!optimised)
    return Finding::warning("BLAS", text + ": not OpenBLAS, which is up to 30 times faster",
                            remedy_for_reference_blas());
  constexpr double kSlow = 0.3;
  if (gflops < kSlow * peak) {
    return Finding::warning("BLAS",
                            text + ": slow; is the machine busy, or its processor time limited?",
                            "uptime; detoxml doctor");
  }
  return Finding::ok("BLAS", text);
}

std::string variables_that_bind() {
  std::string names;
  for (const char* name : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"}) {
    if (std::getenv(name) != nullptr) names += (names.empty() ? "" : " ") + std::string(name);
  }
  return names;
}

Finding core_finding() {
  const CoreLimits limits = core_limits();
  std::string text = fmt::format("{} of {} cores may be used", limits.allowed, limits.online);
  if (limits.time) text += fmt::format(", for {:.1f} cores' time (control group)", *limits.time);
  if (limits.allowed < limits.online) {
    const std::string binding = variables_that_bind();
    if (!binding.empty())
      return Finding::warning("cores", text + ", because of " + binding, "unset " + binding);
    return Finding::warning("cores", text + " (taskset, a batch system or a container)",
                            fmt::format("taskset -p -c 0-{} $$", limits.online - 1));
  }
  return Finding::ok("cores", text);
}

/// Files of the libraries that compute and communicate, where they are not the system's.
std::vector<std::string> unusual_libraries() {
  std::vector<std::string> found;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        const std::filesystem::path file = info->dlpi_name;
        const std::string name = file.filename();
        for (const char* prefix :
             {"libtorch", "libc10", "libblas", "libopenblas", "libdnnl", "libmpi.", "libgomp"}) {
          const bool usual =
              file.string().starts_with("/usr/lib") || file.string().starts_with("/lib");
          if (name.starts_with(prefix) && !usual)
            static_cast<std::vector<std::string>*>(result)->push_back(file.string());
        }
        return 0;
      },
      &found);
  return found;
}

}  // namespace

Findings examine_arithmetic() {
  Findings findings;
  try {
    const Libraries libraries = learner_libraries();
    findings = {learner_finding(libraries), blas_finding(libraries)};
  } catch (const Error& error) {
    findings = {Finding::error("learner", error.what(), "reinstall detoxml")};
  }
  findings.push_back(core_finding());
  const std::vector<std::string> unusual = unusual_libraries();
  if (!unusual.empty()) {
    findings.push_back(Finding::warning(
        "libraries",
        fmt::format("{}: not the system's, and so perhaps with other bits than other machines have",
                    fmt::join(unusual, ", ")),
        "unset LD_LIBRARY_PATH"));
  }
  return findings;
}

}  // namespace detox
