#include "engine/open_slices.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

const Assignment kTwoSlices{{0, 0, 0, 1, 1, 1}, {{0, 1, 2}, {3, 4, 5}}};

TEST(OpenSlices, WaitForTheWorkersThatAreAwaited) {
  OpenSlices open;
  open.begin(kTwoSlices, {true, false, true, false, false, false});
  EXPECT_EQ(open.waiting(), 1U);
  open.forget(1);
  open.forget(0);
  open.forget(0);
  EXPECT_EQ(open.waiting(), 1U);
  open.forget(2);
  EXPECT_EQ(open.waiting(), 0U);
}

TEST(OpenSlices, WaitForNobodyOnceTheyAreClosed) {
  OpenSlices open;
  open.begin(kTwoSlices, std::vector<bool>(6, true));
  EXPECT_EQ(open.waiting(), 2U);
  open.close(1);
  open.close(1);
  EXPECT_EQ(open.waiting(), 1U);
  for (const std::uint32_t worker : {3U, 4U, 5U}) open.forget(worker);
  EXPECT_EQ(open.waiting(), 1U);
  open.close(0);
  EXPECT_EQ(open.waiting(), 0U);
}

TEST(OpenSlices, WaitForAWorkerWhoIsAwaitedOnlyLater) {
  OpenSlices open;
  open.begin(kTwoSlices, std::vector<bool>(6, false));
  open.close(1);
  open.await(4);
  EXPECT_EQ(open.waiting(), 0U);
  open.await(2);
  open.await(2);
  EXPECT_EQ(open.waiting(), 1U);
  open.forget(2);
  EXPECT_EQ(open.waiting(), 0U);
}

TEST(OpenSlices, AreAllOpenAgainInTheNextStep) {
  OpenSlices open;
  open.begin(kTwoSlices, std::vector<bool>(6, true));
  open.close(0);
  open.forget(3);
  open.begin(kTwoSlices, std::vector<bool>(6, true));
  EXPECT_EQ(open.waiting(), 2U);
}

}  // namespace
}  // namespace detox
