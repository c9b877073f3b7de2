#include "detox/workspace.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace detox {
namespace {

TEST(Workspace, AllocatesNothingForACallLikeAnEarlierOne) {
  Workspace workspace;
  const auto call = [&] {
    Workspace::Scope scratch(workspace);
    for (const std::size_t count : {std::size_t{10}, std::size_t{5000}, std::size_t{1}}) {
      Workspace::Scope within(scratch.workspace());
      within.take<double>(count);
      within.take<float>(2 * count);
    }
    return scratch.take<double>(700).data();
  };
  call();
  const std::size_t allocated = workspace.allocated_bytes();
  const double* const second = call();
  EXPECT_EQ(workspace.allocated_bytes(), allocated);
  EXPECT_EQ(call(), second);
  EXPECT_EQ(workspace.allocated_bytes(), allocated);
}

TEST(Workspace, KeepsWhatItsWidestMomentNeededAndNoMore) {
  Workspace workspace;
  for (int call = 0; call < 2; ++call) {
    Workspace::Scope scratch(workspace);
    scratch.take<char>(63);
    for (const std::size_t size :
         {std::size_t{100'000}, std::size_t{300'000}, std::size_t{200'000}})
      Workspace::Scope(workspace).take<char>(size);
  }
  EXPECT_EQ(workspace.allocated_bytes(), 64U + 300'032U);
}

TEST(Workspace, LeavesWhatWasTakenWhereItIs) {
  Workspace workspace;
  Workspace::Scope scratch(workspace);
  std::vector<std::span<std::uint32_t>> taken;
  for (std::uint32_t number = 0; number < 200; ++number) {
    const std::size_t size = number;
    taken.push_back(scratch.take<std::uint32_t>(size * size));
    for (std::uint32_t& value : taken.back()) value = number;
    Workspace::Scope within(workspace);
    for (std::uint32_t& value : within.take<std::uint32_t>(100 * size)) value = ~0U;
  }
  for (std::uint32_t number = 0; number < 200; ++number) {
    for (const std::uint32_t value : taken[number]) ASSERT_EQ(value, number);
  }
}

TEST(Workspace, AlignsToACacheLine) {
  Workspace workspace;
  Workspace::Scope scratch(workspace);
  for (std::size_t size = 0; size < 200; ++size)
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(scratch.take<char>(size).data()) % 64, 0U);
}

TEST(Workspace, GivesMemoryBackWhereACallFails) {
  Workspace workspace;
  const auto call = [&](bool fails) {
    Workspace::Scope scratch(workspace);
    scratch.take<char>(100'000);
    Workspace::Scope within(workspace);
    within.take<char>(100'000);
    if (fails) throw std::bad_alloc();
  };
  call(false);
  const std::size_t allocated = workspace.allocated_bytes();
  for (int times = 0; times < 3; ++times) EXPECT_THROW(call(true), std::bad_alloc);
  call(false);
  EXPECT_EQ(workspace.allocated_bytes(), allocated);
}

TEST(WorkspaceDeathTest, StopsWhereAnOuterScopeIsUsedBeforeTheInnerOneEnds) {
  Workspace workspace;
  Workspace::Scope scratch(workspace);
  EXPECT_DEATH(
      {
        Workspace::Scope within(workspace);
        scratch.take<char>(1);
      },
      "a bug in detoxml");
}

#ifdef DETOX_SANITIZES_ADDRESS
TEST(WorkspaceDeathTest, LetsTheSanitizerFindWhoReadsOnAfterAScope) {
  Workspace workspace;
  std::span<char> taken;
  {
    Workspace::Scope scratch(workspace);
    taken = scratch.take<char>(64);
    taken[63] = 1;
  }
  EXPECT_DEATH({ taken[0] = 1; }, "use-after-poison");
}

TEST(WorkspaceDeathTest, LetsTheSanitizerFindWhoWritesBesideASpan) {
  Workspace workspace;
  Workspace::Scope scratch(workspace);
  const std::span<char> first = scratch.take<char>(64);
  scratch.take<char>(64);
  EXPECT_DEATH({ *(first.data() + 64) = 1; }, "use-after-poison");
}
#endif

}  // namespace
}  // namespace detox
