#include "base/background_tasks.hpp"

#include <utility>

#include "base/start_threads.hpp"

namespace detox {

BackgroundThreads::BackgroundThreads(std::size_t size) {
  try {
    start_threads(
        0, size, [this](std::size_t thread) { run(thread); }, threads_);
  } catch (...) {
    end_threads();
    throw;
  }
}

BackgroundThreads::~BackgroundThreads() {
  BackgroundThreads::wait_until_at_most(0);
  end_threads();
}

void BackgroundThreads::end_threads() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  added_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BackgroundThreads::add(std::function<void(std::size_t thread)> task) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(task));
    ++unfinished_;
  }
  added_.notify_one();
}

std::size_t BackgroundThreads::unfinished() {
  const std::lock_guard lock(mutex_);
  return unfinished_;
}

void BackgroundThreads::wait_until_at_most(std::size_t unfinished) {
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return unfinished_ <= unfinished; });
}

void BackgroundThreads::run(std::size_t thread) {
  std::unique_lock lock(mutex_);
  while (true) {
    added_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::function<void(std::size_t)> task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    task(thread);
    lock.lock();
    --unfinished_;
    finished_.notify_all();
  }
}

}  // namespace detox
