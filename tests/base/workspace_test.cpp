#include "detox/workspace.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

TEST(Workspace, KeepsItsMemoryBetweenCalls) {
  Workspace workspace;
  const auto first = workspace.take<double>(3, 1000);
  const std::size_t allocated = workspace.allocated_bytes();
  EXPECT_EQ(workspace.take<double>(3, 1000).data(), first.data());
  EXPECT_EQ(workspace.take<float>(3, 10).data(), reinterpret_cast<float*>(first.data()));
  EXPECT_EQ(workspace.allocated_bytes(), allocated);
}

TEST(Workspace, HasSlotsThatDoNotOverlap) {
  Workspace workspace;
  const auto a = workspace.take<char>(0, 64);
  const auto b = workspace.take<char>(1, 64);
  EXPECT_TRUE(a.data() + 64 <= b.data() || b.data() + 64 <= a.data());
}

TEST(Workspace, AlignsToACacheLine) {
  Workspace workspace;
  for (std::size_t slot = 0; slot < 5; ++slot) {
    EXPECT_EQ(
        reinterpret_cast<std::uintptr_t>(workspace.take<char>(slot, slot * 7 + 1).data()) % 64, 0U);
  }
}

}  // namespace
}  // namespace detox
