#include "engine/batch_loader.hpp"

#include <chrono>
#include <utility>

namespace detox {

BatchLoader::BatchLoader(SliceReader reader, std::size_t slices, const Clock& clock)
    : reader_(std::move(reader)), clock_(clock) {
  for (Step& step : steps_) step.slices.resize(slices);
  thread_ = std::thread([this] { load(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BatchLoader::begin_step(std::uint64_t step) {
  {
    const std::lock_guard lock(mutex_);
    const auto begin = [](Step& buffer, std::uint64_t wanted) {
      if (buffer.step == wanted) return;
      buffer.step = wanted;
      buffer.ready = 0;
    };
    if (steps_[current_].step != step) current_ = 1 - current_;
    begin(steps_[current_], step);
    begin(steps_[1 - current_], step + 1);
  }
  changed_.notify_all();
}

const SliceBatch& BatchLoader::slice(std::size_t slice) {
  std::unique_lock lock(mutex_);
  const Step& step = steps_[current_];
  if (slice >= step.ready) {
    const auto start = clock_.now();
    changed_.wait(lock, [&] { return slice < step.ready; });
    const std::chrono::duration<double> waited = clock_.now() - start;
    waited_s_ = waited_s_ + waited.count();  // under the mutex
  }
  return step.slices[slice];
}

BatchLoader::Step* BatchLoader::unfinished() {
  for (Step* step : {&steps_[current_], &steps_[1 - current_]}) {
    if (step->step && step->ready < step->slices.size()) return step;
  }
  return nullptr;
}

void BatchLoader::load() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ends_ || unfinished() != nullptr; });
    if (ends_) return;
    Step& step = *unfinished();
    const std::uint64_t number = *step.step;
    const std::size_t slice = step.ready;
    lock.unlock();
    reader_.begin_step(number);
    reader_.read(slice, step.slices[slice]);
    lock.lock();
    // Somebody may have asked for another step meanwhile: then this slice is read again.
    if (step.step == number && step.ready == slice) ++step.ready;
    changed_.notify_all();
  }
}

}  // namespace detox
