// The server's clock for what it expects of workers. Pure: the time is passed in.
#pragma once

#include "base/clock.hpp"

namespace detox {

/// Stands still where the server itself did not look for a while: a process that was stopped,
/// swapped out or kept by its disk finds what came meanwhile in its queue, and that is not late. It
/// forgives the longest stall, whatever its length, and at most `most_s` of all the others: so a
/// worker that keeps the server busy cannot make a step last without end.
class AttentiveClock {
 public:
  static constexpr double kStallSeconds = 0.25;  ///< between two looks; the longest wait is shorter

  void begin(Clock::time_point now, double most_s) { *this = {now, most_s}; }

  /// To be called each time before the server looks at what has come. Never goes back.
  Clock::time_point look(Clock::time_point now);

  AttentiveClock() = default;

 private:
  AttentiveClock(Clock::time_point now, double most_s) : last_(now), most_s_(most_s) {}

  Clock::time_point last_{};
  double most_s_ = 0, stalled_s_ = 0, longest_s_ = 0;
};

}  // namespace detox
