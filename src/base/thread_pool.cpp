#include "detox/thread_pool.hpp"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/start_threads.hpp"
#include "detox/errors.hpp"

namespace detox {

struct ThreadPool::State {
  using Task = std::function<void(std::size_t, std::size_t)>;

  std::mutex mutex;
  std::condition_variable wake, done;
  std::uint64_t generation = 0;
  std::size_t busy = 0;
  bool ending = false;

  const Task* task = nullptr;
  std::size_t count = 0;
  std::atomic<std::size_t> next_index{0};
  std::exception_ptr error;
  std::size_t error_index = 0;

  std::vector<std::thread> threads;

  ~State() {
    {
      const std::lock_guard lock(mutex);
      ending = true;
    }
    wake.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  void work(std::size_t thread) {
    while (true) {
      const std::size_t index = next_index.fetch_add(1);
      if (index >= count) return;
      try {
        (*task)(index, thread);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error || index < error_index) {
          error = std::current_exception();
          error_index = index;
        }
        next_index = count;
      }
    }
  }

  void run(std::size_t thread) {
    std::uint64_t seen = 0;
    while (true) {
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return ending || generation != seen; });
        if (ending) return;
        seen = generation;
      }
      work(thread);
      const std::lock_guard lock(mutex);
      if (--busy == 0) done.notify_one();
    }
  }
};

ThreadPool::ThreadPool(std::size_t size) : state_(std::make_unique<State>()) {
  if (size < 1 || size > kMostThreads) {
    throw UsageError(fmt::format("a pool of {} threads; valid: a whole number from 1 to {}", size,
                                 kMostThreads));
  }
  State* state = state_.get();
  // Those that were started before one could not be end with the state.
  start_threads(
      1, size, [state](std::size_t thread) { state->run(thread); }, state->threads);
}

ThreadPool::~ThreadPool() = default;

std::size_t ThreadPool::size() const { return state_->threads.size() + 1; }

void ThreadPool::parallel_for(std::size_t count, const State::Task& task) {
  State& state = *state_;
  if (count == 1 || state.threads.empty()) {
    for (std::size_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  {
    const std::lock_guard lock(state.mutex);
    state.task = &task;
    state.count = count;
    state.next_index = 0;
    state.error = nullptr;
    state.busy = state.threads.size();
    ++state.generation;
  }
  state.wake.notify_all();
  state.work(0);
  std::unique_lock lock(state.mutex);
  state.done.wait(lock, [&] { return state.busy == 0; });
  if (state.error) std::rethrow_exception(state.error);
}

}  // namespace detox
