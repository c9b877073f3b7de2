#include "engine/open_slices.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

/// Workers 0, 1, 2 were asked for slice 0; 3, 4, 5 for slice 1.
void begin_two(OpenSlices& open, std::vector<bool> awaited) {
  open.begin(2, std::move(awaited));
  for (std::uint32_t worker = 0; worker < 6; ++worker) open.order(worker, worker / 3);
}

TEST(OpenSlices, WaitForNobodyWhoWasNotAsked) {
  OpenSlices open;
  open.begin(2, std::vector<bool>(6, true));
  EXPECT_EQ(open.waiting(), 0U);
  open.order(4, 1);
  EXPECT_EQ(open.waiting(), 1U);
}

TEST(OpenSlices, WaitForTheWorkersThatAreAwaited) {
  OpenSlices open;
  begin_two(open, {true, false, true, false, false, false});
  EXPECT_EQ(open.waiting(), 1U);
  open.forget(1);
  open.forget(0);
  open.forget(0);
  EXPECT_EQ(open.waiting(), 1U);
  open.answered(2, 0);
  open.answered(2, 0);
  EXPECT_EQ(open.waiting(), 0U);
}

TEST(OpenSlices, WaitForEachAnswerOfAWorkerThatOwesTwo) {
  OpenSlices open;
  open.begin(2, std::vector<bool>(6, true));
  open.order(0, 0);
  open.order(0, 1);
  EXPECT_EQ(open.owed(0), (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(open.waiting(), 2U);
  open.answered(0, 0);
  EXPECT_EQ(open.owed(0), std::vector<std::uint32_t>{1});
  EXPECT_EQ(open.waiting(), 1U);
  open.forget(0);
  EXPECT_EQ(open.waiting(), 0U);
  open.await(0);
  EXPECT_EQ(open.waiting(), 1U);
}

TEST(OpenSlices, WaitForNobodyOnceTheyAreClosed) {
  OpenSlices open;
  begin_two(open, std::vector<bool>(6, true));
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
  begin_two(open, std::vector<bool>(6, false));
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
  begin_two(open, std::vector<bool>(6, true));
  open.close(0);
  open.forget(3);
  begin_two(open, std::vector<bool>(6, true));
  EXPECT_EQ(open.waiting(), 2U);
}

}  // namespace
}  // namespace detox
