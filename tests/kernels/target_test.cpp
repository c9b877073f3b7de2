#include "kernels/target.hpp"

#include <gtest/gtest.h>

#include <string>

#include "detox/errors.hpp"

namespace detox {
namespace {

TEST(KernelTarget, CanBeForcedAndLetGo) {
  const std::string best = kernel_target_name();
  force_kernel_target("scalar");
  EXPECT_EQ(kernel_target_name(), "scalar");
  force_kernel_target("");
  EXPECT_EQ(kernel_target_name(), best);
}

#if defined(__x86_64__)
constexpr const char* kValid = "avx3, avx2, sse4, scalar";
#elif defined(__aarch64__)
constexpr const char* kValid = "neon, scalar";

TEST(KernelTarget, IsNeonWhereEveryProcessorHasIt) { EXPECT_EQ(kernel_target_name(), "neon"); }
#else
constexpr const char* kValid = "scalar";
#endif

TEST(KernelTarget, RefusesAnUnknownName) {
  try {
    force_kernel_target("mmx");
    FAIL() << "was not refused";
  } catch (const UsageError& error) {
    EXPECT_EQ(std::string(error.what()),
              std::string("kernel target=mmx: unknown; valid: ") + kValid);
  }
}

}  // namespace
}  // namespace detox
