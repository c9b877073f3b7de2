// A time that passes as a test says.
#pragma once

#include "base/clock.hpp"

namespace detox {

class ManualClock final : public Clock {
 public:
  time_point now() const override { return now_; }
  void pass(duration time) { now_ += time; }
  void pass(double seconds) {
    pass(std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds)));
  }

 private:
  time_point now_{std::chrono::seconds(1'000'000)};  ///< far from zero
};

}  // namespace detox
