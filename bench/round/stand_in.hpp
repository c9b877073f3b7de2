// Workers that compute nothing but random numbers, and a clock that all processes of a machine
// read, for benchmarks of the way between workers and server. The rest of a stand-in is the real
// worker.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "support/transport_around.hpp"

namespace detox {

/// When every worker reached a point of every step, in a file that all of them map. Points are also
/// where they wait for each other, so that it is known when the last gradient is computed, and that
/// all of them are. Steps from 1.
class SharedClock {
 public:
  enum Point { kHasWeights, kHasGradient, kHasDigest, kPoints };

  /// Rank 0 makes the file, with nothing in it; the others open it.
  SharedClock(const std::filesystem::path& file, std::size_t workers, std::size_t steps, bool make);
  ~SharedClock();
  SharedClock(const SharedClock&) = delete;
  SharedClock& operator=(const SharedClock&) = delete;

  static double now();  ///< seconds, the same for all processes of the machine

  void reached(Point point, std::uint64_t step, std::size_t worker);
  /// Waits until all others have reached it, too, but not for ever.
  void wait_for_all(Point point, std::uint64_t step) const;
  /// When the last worker reached it; 0 where one has not.
  double last(Point point, std::uint64_t step) const;

 private:
  std::atomic<double>& at(Point point, std::uint64_t step, std::size_t worker) const;

  std::filesystem::path file_;
  std::size_t workers_, steps_, bytes_;
  bool is_maker_;
  std::atomic<double>* times_;
};

/// One pixel a sample, which nobody looks at.
class NoData final : public Dataset {
 public:
  explicit NoData(std::size_t samples) : samples_(samples) {}
  std::string name() const override { return "nothing (synthetic)"; }
  bool is_synthetic() const override { return true; }
  std::size_t size() const override { return samples_; }
  ImageShape shape() const override { return {1, 1, 1}; }
  std::size_t classes() const override { return 1; }
  std::span<const std::string> class_names() const override { return class_names_; }
  std::int64_t label(std::size_t) const override { return 0; }
  void read(std::size_t, std::uint64_t, const Key&, std::span<float> out) const override {
    out[0] = 0;
  }
  void pixels(std::size_t, std::span<std::uint8_t> out) const override { out[0] = 0; }
  std::string digest() const override { return "nothing"; }

 private:
  std::size_t samples_;
  std::vector<std::string> class_names_ = {"nothing"};
};

/// The gradient of a slice: what `draws` of its batch says, so the same for all its replicas.
void random_gradient(std::uint64_t draws, std::span<float> out);

/// All stand-ins are done with a step's gradient at the same time.
class StandIn final : public Learner {
 public:
  /// No clock: the server's, of which layout and initial state are asked.
  StandIn(std::size_t parameters, std::size_t statistics, SharedClock* clock, std::size_t worker);
  const ModelLayout& layout() const override { return layout_; }
  std::string numerical_profile() const override { return "stand-in"; }
  ModelState initial_state(const Key& key) override;
  BatchResult gradient(std::span<const float> parameters, std::span<const float> statistics,
                       const Batch& batch, std::span<float> gradient_out,
                       std::span<float> statistics_out) override;
  BatchResult evaluate(const ModelView& state, const Batch& batch) override;
  std::uint64_t step() const { return step_; }

 private:
  ModelLayout layout_;
  SharedClock* clock_;
  std::size_t worker_;
  bool is_probed_ = false;  ///< the first gradient is that of the start
  std::uint64_t step_ = 0;  ///< the stand-in counts: every worker takes part in every step
};

/// A worker's end that holds its digest back until all have theirs: hashing is then no part of what
/// follows, on machines with fewer cores than workers. Full copies are not held.
class TogetherTransport final : public TransportAround {
 public:
  TogetherTransport(Transport& transport, bool holds) : TransportAround(transport), holds_(holds) {}
  void use(SharedClock& clock) { clock_ = &clock; }
  void send(int to, FrameBytes frame) override;

 private:
  bool holds_;
  SharedClock* clock_ = nullptr;
};

}  // namespace detox
