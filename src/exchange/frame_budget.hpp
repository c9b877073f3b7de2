// How many frames an honest peer may have sent, going by what it was sent itself.
#pragma once

#include <algorithm>
#include <cstdint>

namespace detox {

/// Pure: times are passed in. What was granted is kept for answers that are under way for long, but
/// not without end. `offered` is what has come of the peer so far.
class FrameBudget {
 public:
  /// It was sent what it answers with so many frames at most.
  void grant(std::size_t frames, std::uint64_t offered) {
    most_ = std::max(most_, kSpare + kMostAnswers * static_cast<double>(frames));
    add(static_cast<double>(frames), offered);
  }
  /// Weights that do not come are asked for again and again.
  void pass(double seconds, std::uint64_t offered) { add(seconds * kAsksASecond, offered); }

  bool is_exceeded(std::uint64_t offered) const { return static_cast<double>(offered) > granted_; }

 private:
  static constexpr double kSpare = 1000, kMostAnswers = 64, kAsksASecond = 20;
  void add(double frames, std::uint64_t offered) {
    granted_ = std::min(granted_ + frames, static_cast<double>(offered) + most_);
  }

  double granted_ = kSpare, most_ = kSpare;
};

}  // namespace detox
