#include "kernels/target.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwy/targets.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <mutex>

#include "detox/errors.hpp"

namespace detox {
namespace {

struct NamedTarget {
  std::string_view name;
  std::int64_t bit;
};

#if defined(HWY_ALL_NEON)  // later Highways have three kinds of it
[[maybe_unused]] constexpr std::int64_t kNeon = HWY_ALL_NEON;
#else
[[maybe_unused]] constexpr std::int64_t kNeon = HWY_NEON;
#endif
constexpr std::int64_t kScalar = HWY_EMU128 | HWY_SCALAR;

/// What this architecture has, the best first.
constexpr auto kTargets =
#if HWY_ARCH_X86
    std::to_array<NamedTarget>(
        {{"avx3", HWY_AVX3}, {"avx2", HWY_AVX2}, {"sse4", HWY_SSE4}, {"scalar", kScalar}});
#elif HWY_ARCH_ARM_A64
    std::to_array<NamedTarget>({{"neon", kNeon}, {"scalar", kScalar}});
#else
    std::to_array<NamedTarget>({{"scalar", kScalar}});
#endif

std::once_flag environment_read;

void choose(std::int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void apply_target(std::string_view name, std::string_view source) {
  hwy::SetSupportedTargetsForTest(0);
  const std::int64_t available = hwy::SupportedTargets() | kScalar;
  if (name.empty()) return choose(0);
  for (const NamedTarget& target : kTargets) {
    if (target.name != name) continue;
    if ((available & target.bit) == 0) {
      throw UsageError(fmt::format("{}={}: this processor does not have it", source, name));
    }
    return choose(available & target.bit);
  }
  throw UsageError(fmt::format("{}={}: unknown; valid: {}", source, name.substr(0, 40),
                               fmt::join(kernel_target_names(), ", ")));
}

}  // namespace

void prepare_kernel_target() {
  std::call_once(environment_read, [] {
    const char* name = std::getenv("DETOX_KERNEL_TARGET");
    apply_target(name == nullptr ? "" : name, "DETOX_KERNEL_TARGET");
  });
}

std::vector<std::string_view> kernel_target_names() {
  std::vector<std::string_view> names;
  names.reserve(kTargets.size());
  for (const NamedTarget& target : kTargets) names.push_back(target.name);
  return names;
}

void force_kernel_target(std::string_view name) {
  prepare_kernel_target();
  apply_target(name, "kernel target");
}

std::string kernel_target_name() {
  prepare_kernel_target();
  const std::int64_t supported = hwy::SupportedTargets();
  for (const NamedTarget& target : kTargets) {
    if ((supported & target.bit) != 0) return std::string(target.name);
  }
  return "scalar";
}

}  // namespace detox
