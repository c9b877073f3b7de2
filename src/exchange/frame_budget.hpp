// How many frames an honest peer may have sent, going by what it was sent itself.
#pragma once

#include <algorithm>
#include <cstdint>

namespace detox {

/// Pure: times are passed in. What was granted stays valid for answers that travel for long, up to
/// a limit. `offered`: the frames that the peer has sent so far.
class FrameBudget {
 public:
  /// The peer was sent something that it answers with at most `frames` frames.
  void grant(std::size_t frames, std::uint64_t offered) {
    most_ = std::max(most_, kSpare + kMostAnswers * static_cast<double>(frames));
    add(static_cast<double>(frames), offered);
  }
  /// Time has passed: a peer that misses weights may ask for them again and again.
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
