// What time it is: passed in, so that a test can let it pass as it likes.
#pragma once

#include <chrono>

namespace detox {

/// Never goes back. Shared by threads.
class Clock {
 public:
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;
  virtual time_point now() const = 0;
  double seconds_since(time_point begin) const {
    return std::chrono::duration<double>(now() - begin).count();
  }

  /// The one on the wall.
  static const Clock& real();
};

class RealClock final : public Clock {
 public:
  time_point now() const override { return std::chrono::steady_clock::now(); }
};

inline const Clock& Clock::real() {
  static const RealClock kClock;
  return kClock;
}

}  // namespace detox
