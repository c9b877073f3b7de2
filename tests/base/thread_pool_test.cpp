#include "detox/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace detox {
namespace {

TEST(ThreadPool, RunsEveryIndexOnce) {
  for (const std::size_t size : {1U, 2U, 5U}) {
    ThreadPool pool(size);
    for (const std::size_t count : {0U, 1U, 3U, 1000U}) {
      std::vector<std::atomic<int>> runs(count);
      pool.parallel_for(count, [&](std::size_t index, std::size_t thread) {
        EXPECT_LT(thread, size);
        ++runs[index];
      });
      for (const auto& run : runs) EXPECT_EQ(run, 1);
    }
  }
}

TEST(ThreadPool, HandsOnTheErrorAndGoesOnWorking) {
  ThreadPool pool(3);
  const auto failing = [](std::size_t index, std::size_t) {
    if (index == 5) throw std::runtime_error("five");
  };
  EXPECT_THROW(pool.parallel_for(100, failing), std::runtime_error);
  std::atomic<int> runs = 0;
  pool.parallel_for(100, [&](std::size_t, std::size_t) { ++runs; });
  EXPECT_EQ(runs, 100);
}

TEST(ThreadPool, ServesManyCallsInARow) {
  ThreadPool pool(2);
  std::atomic<std::size_t> sum = 0;
  for (int call = 0; call < 2000; ++call)
    pool.parallel_for(2, [&](std::size_t index, std::size_t) { sum += index; });
  EXPECT_EQ(sum, 2000U);
}

}  // namespace
}  // namespace detox
