// Work that goes on beside the thread that hands it out: for what arrives piece by piece. Loops
// over what is there already take a ThreadPool.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace detox {

/// Handed tasks by one thread. They must not throw, and everything that they refer to outlives
/// them: wait for them before it goes.
class BackgroundTasks {
 public:
  /// size >= 1 threads. InputError where the system does not start so many.
  explicit BackgroundTasks(std::size_t size);
  ~BackgroundTasks();  ///< waits for all
  BackgroundTasks(const BackgroundTasks&) = delete;
  BackgroundTasks& operator=(const BackgroundTasks&) = delete;

  /// Runs task(thread), thread in [0, size()), at some time. What it writes is visible to who saw
  /// it finished in unfinished() or wait_until_at_most().
  void add(std::function<void(std::size_t thread)> task);
  std::size_t unfinished();
  /// Waits while more than so many are unfinished.
  void wait_until_at_most(std::size_t unfinished);

 private:
  void run(std::size_t thread);
  void end_threads();

  std::mutex mutex_;  ///< guards all below but the threads
  std::condition_variable added_, finished_;
  std::deque<std::function<void(std::size_t)>> waiting_;
  std::size_t unfinished_ = 0;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace detox
