#include "kernels/target.hpp"

#include <fmt/format.h>
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

constexpr std::array<NamedTarget, 4> kTargets = {{{"avx3", HWY_AVX3},
                                                  {"avx2", HWY_AVX2},
                                                  {"sse4", HWY_SSE4},
                                                  {"scalar", HWY_EMU128 | HWY_SCALAR}}};

std::once_flag environment_read;

void choose(std::int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void apply_target(std::string_view name, std::string_view source) {
  hwy::SetSupportedTargetsForTest(0);
  const std::int64_t available = hwy::SupportedTargets() | HWY_EMU128 | HWY_SCALAR;
  if (name.empty()) return choose(0);
  for (const NamedTarget& target : kTargets) {
    if (target.name != name) continue;
    if ((available & target.bit) == 0) {
      throw UsageError(fmt::format("{}={}: this processor does not have it", source, name));
    }
    return choose(target.bit);
  }
  throw UsageError(
      fmt::format("{}={}: unknown; valid: avx3, avx2, sse4, scalar", source, name.substr(0, 40)));
}

}  // namespace

void prepare_kernel_target() {
  std::call_once(environment_read, [] {
    const char* name = std::getenv("DETOX_KERNEL_TARGET");
    apply_target(name == nullptr ? "" : name, "DETOX_KERNEL_TARGET");
  });
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
