#include "experiment/run_pool.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/start_threads.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr auto kPause = std::chrono::milliseconds(100);

/// The tasks that nobody has taken yet, and those who take them.
class TaskQueue {
 public:
  TaskQueue(std::size_t tasks, const std::atomic<bool>& stop) : left_(tasks), stop_(stop) {
    for (std::size_t i = 0; i < tasks; ++i) waiting_.push_back(i);
  }

  /// Waits where others may give a task back. Empty where there is nothing more to do.
  std::optional<std::size_t> take(const std::atomic<bool>& is_lost) {
    std::unique_lock lock(mutex_);
    while (waiting_.empty() && left_ > 0 && !stop_ && !is_lost) changed_.wait_for(lock, kPause);
    if (waiting_.empty() || stop_ || is_lost) return std::nullopt;
    const std::size_t task = waiting_.front();
    waiting_.pop_front();
    return task;
  }

  void done() {
    const std::lock_guard lock(mutex_);
    --left_;
    news_ = true;
    changed_.notify_all();
  }

  void give_back(std::size_t task) {
    const std::lock_guard lock(mutex_);
    waiting_.push_front(task);
    changed_.notify_all();
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    ++gone_;
    changed_.notify_all();
  }

  std::size_t left() {
    const std::lock_guard lock(mutex_);
    return left_;
  }

  /// Waits a little, or for news; true where all have left.
  bool wait(std::size_t workers) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPause, [&] { return news_ || gone_ == workers; });
    news_ = false;
    return gone_ == workers;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::size_t> waiting_;
  std::size_t left_, gone_ = 0;
  bool news_ = false;
  const std::atomic<bool>& stop_;
};

/// Ends with the threads.
struct JoinedAtTheEnd {
  std::vector<std::thread> threads;
  ~JoinedAtTheEnd() {
    for (std::thread& thread : threads) thread.join();
  }
};

}  // namespace

std::size_t do_all(
    std::size_t tasks, const Pool& pool, const std::atomic<bool>& stop,
    const std::function<bool(std::size_t task, const Place& place, std::size_t threads)>& work,
    const std::function<void()>& look) {
  TaskQueue queue(tasks, stop);
  std::vector<std::size_t> slots;  // of all places, by the number of their place
  std::size_t most = 0;
  for (const Place& place : pool.places) most = std::max(most, place.slots);
  // The first slot of each place comes first: few tasks go to as many places as there are.
  for (std::size_t slot = 0; slot < most; ++slot) {
    for (std::size_t i = 0; i < pool.places.size(); ++i) {
      if (slot < pool.places[i].slots) slots.push_back(i);
    }
  }
  if (slots.size() > tasks) slots.resize(tasks);
  const std::unique_ptr<std::atomic<bool>[]> is_lost(new std::atomic<bool>[pool.places.size()]());
  const auto serve = [&](std::size_t slot) {
    const std::size_t number = slots[slot];
    const Place& place = pool.places[number];
    const std::size_t here = std::min(place.slots, slots.size());
    while (const std::optional<std::size_t> task = queue.take(is_lost[number])) {
      const std::size_t sharing = std::max<std::size_t>(1, std::min(here, queue.left()));
      const std::size_t share = std::max<std::size_t>(1, pool.cores / sharing);
      if (work(*task, place, pool.threads > 0 ? pool.threads : share)) {
        queue.done();
      } else {
        is_lost[number] = true;
        queue.give_back(*task);
      }
    }
    queue.leave();
  };
  {
    JoinedAtTheEnd joined;
    try {
      start_threads(0, slots.size(), serve, joined.threads);
    } catch (const InputError&) {
      if (joined.threads.empty()) throw;  // with fewer it takes longer, no more
    }
    for (bool over = joined.threads.empty(); !over;) {
      over = queue.wait(joined.threads.size());
      look();
    }
  }
  return queue.left();
}

}  // namespace detox
