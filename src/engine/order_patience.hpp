// How long a lazy step waits for somebody before it asks somebody else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "exchange/step_votes.hpp"

namespace detox {

/// The orders of one step. Once half of them have been answered, nobody may take three times as
/// long as these did; before that, and at the most, a third of the step's time. So fewer than half
/// of the workers neither shorten nor lengthen it beyond what others take. It is never less than a
/// busy machine may take, which is less for who took longer than the others again and again: else
/// one that answers just in time would hold up every step. Pure: the time is passed in.
class OrderPatience {
 public:
  using Time = Clock::time_point;
  static constexpr double kTimesTheHalf = 3, kMostShare = 1.0 / 3;
  static constexpr double kLeastSeconds = 1, kLeastOfSlowSeconds = 0.1;
  static constexpr int kOftenSlow = 4;  ///< of its latest 15 orders

  explicit OrderPatience(std::size_t workers) : was_slow_(workers) {}

  void begin(Time now, double limit_s);
  void ordered(const SliceOrder& order, Time now);
  /// Counts once an order, however often it is answered, and not once it was overdue.
  void answered(const SliceOrder& order, Time now);
  /// Orders that took longer than that, each once.
  std::vector<SliceOrder> overdue(Time now);
  /// True once in a step, when half of its time is over: the other half is for what was promised.
  bool is_half_over(Time now);

  double seconds(std::uint32_t worker) const;

 private:
  struct Waiting {
    SliceOrder order;
    Time since;
  };
  void note(std::uint32_t worker, bool is_slow);

  std::vector<Waiting> waiting_;  ///< the earliest first
  std::size_t orders_ = 0, answers_ = 0;
  Time begin_{};
  double limit_s_ = 0;
  double half_s_ = 0;  ///< 0: not half of them are answered
  bool was_half_over_ = false;
  std::vector<std::uint32_t> was_slow_;  ///< by worker: a bit for each of its latest orders
};

}  // namespace detox
