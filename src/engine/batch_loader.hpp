// Reads the slices of the next step on a thread of its own, while this step is computed.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "engine/slice_batch.hpp"

namespace detox {

/// Holds the slices of two steps: memory is bounded by twice the samples of a step. Steps may come
/// in any order; only the next one is guessed.
class BatchLoader {
 public:
  BatchLoader(SliceReader reader, std::size_t slices, const Clock& clock = Clock::real());
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// Batches of the step before are gone.
  void begin_step(std::uint64_t step);

  /// A slice of the step begun, from any thread; valid until the next begin_step. Waits where it
  /// has not been read yet.
  const SliceBatch& slice(std::size_t slice);

  /// How long all calls of slice() have waited together.
  double waited_s() const { return waited_s_; }

 private:
  struct Step {
    std::optional<std::uint64_t> step;
    std::vector<SliceBatch> slices;
    std::size_t ready = 0;  ///< slices from the first that are there
  };

  void load();
  /// The buffer that has something left to read, the current step's first.
  Step* unfinished();

  SliceReader reader_;  ///< the loading thread's
  const Clock& clock_;
  std::mutex mutex_;  ///< guards all below but the contents of slices
  std::condition_variable changed_;
  std::array<Step, 2> steps_;
  std::size_t current_ = 0;
  bool ends_ = false;
  std::atomic<double> waited_s_ = 0;
  std::thread thread_;
};

}  // namespace detox
