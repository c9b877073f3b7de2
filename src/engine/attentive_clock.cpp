#include "engine/attentive_clock.hpp"

#include <algorithm>

namespace detox {

Clock::time_point AttentiveClock::look(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  if (seconds > kStallSeconds) {
    stalled_s_ += seconds;
    longest_s_ = std::max(longest_s_, seconds);
  }
  const double forgiven_s = std::min(stalled_s_, longest_s_ + most_s_);
  return now -
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(forgiven_s));
}

}  // namespace detox
