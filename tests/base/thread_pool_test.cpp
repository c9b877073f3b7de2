#include "detox/thread_pool.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "detox/errors.hpp"
#include "support/in_child.hpp"

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

TEST(ThreadPool, RefusesThreadsThatTheSystemDoesNotStart) {
#if defined(DETOX_SANITIZES_ADDRESS) || defined(DETOX_SANITIZES_THREAD)
  GTEST_SKIP() << "sanitizers need more address space than the limit leaves";
#endif
  const int code = in_child([] {
    // Memory for the stacks of some threads, not of all: this limit binds for root as well.
    const rlimit address_space{512U << 20U, 512U << 20U};
    if (setrlimit(RLIMIT_AS, &address_space) != 0) return 1;
    try {
      const ThreadPool pool(1024);
      return 2;
    } catch (const InputError& error) {
      const std::string text = error.what();
      if (!text.starts_with("thread ") || text.find('\n') != std::string::npos) return 3;
      if (text.find(" of 1024 cannot be started: ") == std::string::npos) return 4;
      if (text.starts_with("thread 2 ")) return 5;  // some did start …
    }
    // … and are gone. A joined thread may stay in the list for a moment.
    for (int wait = 0; wait < 1000; ++wait) {
      const std::filesystem::directory_iterator threads("/proc/self/task");
      if (std::distance(begin(threads), end(threads)) == 1) return 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return 6;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace detox
