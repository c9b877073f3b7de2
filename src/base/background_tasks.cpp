#include "base/background_tasks.hpp"

#include <utility>

namespace detox {

BackgroundTasks::BackgroundTasks(std::size_t size) {
  for (std::size_t thread = 0; thread < size; ++thread)
    threads_.emplace_back([this, thread] { run(thread); });
}

BackgroundTasks::~BackgroundTasks() {
  wait_until_at_most(0);
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  added_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BackgroundTasks::add(std::function<void(std::size_t thread)> task) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(task));
    ++unfinished_;
  }
  added_.notify_one();
}

std::size_t BackgroundTasks::unfinished() {
  const std::lock_guard lock(mutex_);
  return unfinished_;
}

void BackgroundTasks::wait_until_at_most(std::size_t unfinished) {
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return unfinished_ <= unfinished; });
}

void BackgroundTasks::run(std::size_t thread) {
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
