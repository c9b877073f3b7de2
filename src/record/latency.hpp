// How long workers took, in 12 bits each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace detox {

/// A time is 1 us * 2^((code - 2) / 112): at most 0.31 % off from 1 us to 27 hours, the nearest of
/// these beyond. The greater, the longer.
using LatencyCode = std::uint16_t;
inline constexpr LatencyCode kNotOrdered = 0, kNotAnswered = 1, kLeastTime = 2, kMostTime = 4094;

LatencyCode latency_code(double seconds);
/// NaN of a code that is no time.
double latency_seconds(LatencyCode code);

/// Of one step, by worker: from an order to the first that came for it, the longest where a worker
/// had several. The server, where it is asked, is no worker.
class StepLatency {
 public:
  StepLatency() = default;
  explicit StepLatency(std::size_t workers) : codes_(workers, kNotOrdered) {}
  void order(std::uint32_t worker) { raise(worker, kNotAnswered); }
  void answer(std::uint32_t worker, double seconds) { raise(worker, latency_code(seconds)); }
  void raise(std::uint32_t worker, LatencyCode code) {
    if (worker < codes_.size() && codes_[worker] < code) codes_[worker] = code;
  }
  std::span<const LatencyCode> codes() const { return codes_; }

 private:
  std::vector<LatencyCode> codes_;
};

/// What came after its step had ended.
struct LateLatency {
  std::uint64_t round;
  std::uint32_t worker;
  double seconds;
};

}  // namespace detox
