#include "kernels/target.hpp"

#include <gtest/gtest.h>

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

TEST(KernelTarget, RefusesAnUnknownName) {
  try {
    force_kernel_target("mmx");
    FAIL() << "was not refused";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "kernel target=mmx: unknown; valid: avx3, avx2, sse4, scalar");
  }
}

}  // namespace
}  // namespace detox
