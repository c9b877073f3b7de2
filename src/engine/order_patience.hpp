// How long a lazy step waits for somebody before it asks somebody else.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "base/clock.hpp"
#include "exchange/step_votes.hpp"

namespace detox {

/// The orders of one step. Once half of them have been answered, nobody may take three times as
/// long as these did; before that, and at the most, a third of the step's time. So fewer than half
/// of the workers neither shorten nor lengthen it beyond what others take. Pure: the time is passed
/// in.
class OrderPatience {
 public:
  using Time = Clock::time_point;
  static constexpr double kTimesTheHalf = 3, kLeastSeconds = 1, kMostShare = 1.0 / 3;

  void begin(Time now, double limit_s);
  void ordered(const SliceOrder& order, Time now);
  /// Counts once an order, however often it is answered, and not once it was overdue.
  void answered(const SliceOrder& order, Time now);
  /// Orders that took longer than that, each once.
  std::vector<SliceOrder> overdue(Time now);
  /// True once in a step, when half of its time is over: the other half is for what was promised.
  bool is_half_over(Time now);

  double seconds() const;

 private:
  struct Waiting {
    SliceOrder order;
    Time since;
  };
  std::vector<Waiting> waiting_;  ///< the earliest first
  std::size_t orders_ = 0, answers_ = 0;
  Time begin_{};
  double limit_s_ = 0;
  double half_s_ = 0;  ///< 0: not half of them are answered
  bool was_half_over_ = false;
};

}  // namespace detox
