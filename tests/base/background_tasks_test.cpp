#include "base/background_tasks.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace detox {
namespace {

TEST(BackgroundThreads, RunEachTaskOnceOnAThreadOfTheirs) {
  for (const std::size_t size : {1U, 3U}) {
    std::vector<std::atomic<int>> runs(200);
    BackgroundThreads tasks(size);
    for (std::atomic<int>& run : runs) {
      tasks.add([&run, size](std::size_t thread) {
        EXPECT_LT(thread, size);
        ++run;
      });
    }
    tasks.wait_until_at_most(0);
    EXPECT_EQ(tasks.unfinished(), 0U);
    for (const std::atomic<int>& run : runs) EXPECT_EQ(run, 1);
  }
}

TEST(BackgroundThreads, ShowWhatATaskWroteToWhoWaitedForIt) {
  BackgroundThreads tasks(2);
  std::vector<int> written(100);
  for (std::size_t i = 0; i < written.size(); ++i) {
    tasks.add([&written, i](std::size_t) { written[i] = static_cast<int>(i) + 1; });
    if (i % 10 != 9) continue;
    tasks.wait_until_at_most(0);
    EXPECT_EQ(written[i], static_cast<int>(i) + 1);
  }
}

TEST(BackgroundThreads, AreWaitedForUntilSoManyAreLeft) {
  std::atomic<bool> may_end = false;
  BackgroundThreads tasks(2);
  for (int i = 0; i < 2; ++i) {
    tasks.add([&may_end](std::size_t) { may_end.wait(false); });
  }
  tasks.wait_until_at_most(2);
  EXPECT_EQ(tasks.unfinished(), 2U);
  may_end = true;
  may_end.notify_all();
  tasks.wait_until_at_most(1);
  EXPECT_LE(tasks.unfinished(), 1U);
}

TEST(BackgroundThreads, AreFinishedBeforeTheyGo) {
  std::atomic<int> runs = 0;
  {
    BackgroundThreads tasks(2);
    for (int i = 0; i < 50; ++i) tasks.add([&runs](std::size_t) { ++runs; });
  }
  EXPECT_EQ(runs, 50);
}

}  // namespace
}  // namespace detox
