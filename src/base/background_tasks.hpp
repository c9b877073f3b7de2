// Work that goes on beside the thread that hands it out: for what arrives piece by piece. Loops
// over what is there already take a ThreadPool.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace detox {

/// Handed tasks by one thread. They must not throw, and everything that they refer to outlives
/// them: wait for them before it goes.
class BackgroundTasks {
 public:
  virtual ~BackgroundTasks() = default;  ///< waits for all

  /// Runs task(thread), thread below the number of threads, at some time. What it writes is visible
  /// to who saw it finished in unfinished() or wait_until_at_most().
  virtual void add(std::function<void(std::size_t thread)> task) = 0;
  virtual std::size_t unfinished() = 0;
  /// Waits while more than so many are unfinished.
  virtual void wait_until_at_most(std::size_t unfinished) = 0;
};

/// Who makes them for so many threads, at least one. InputError where the system does not start so
/// many.
using BackgroundTasksMaker = std::function<std::unique_ptr<BackgroundTasks>(std::size_t threads)>;

/// On threads of this process.
class BackgroundThreads final : public BackgroundTasks {
 public:
  explicit BackgroundThreads(std::size_t size);
  ~BackgroundThreads() override;
  BackgroundThreads(const BackgroundThreads&) = delete;
  BackgroundThreads& operator=(const BackgroundThreads&) = delete;

  void add(std::function<void(std::size_t thread)> task) override;
  std::size_t unfinished() override;
  void wait_until_at_most(std::size_t unfinished) override;

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

inline std::unique_ptr<BackgroundTasks> background_threads(std::size_t threads) {
  return std::make_unique<BackgroundThreads>(threads);
}

}  // namespace detox
