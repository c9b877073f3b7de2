// What the server sends to ranks that hear nothing else of it while it waits for others.
#pragma once

#include <span>

#include "comm/frame.hpp"

namespace detox {

/// Of one audience. Used by one thread; the transport outlives it.
class SignsOfLife {
 public:
  explicit SignsOfLife(Transport& transport) : transport_(transport) {}

  /// They have just heard something, and bear a silent server for so long.
  void start(double patience_s);
  /// They have just heard something else.
  void heard() { last_ = transport_.clock().now(); }
  /// To be called often: sends one four times in their patience. To those who have not taken in the
  /// last frames more would only pile up.
  void give(std::span<const int> ranks);

 private:
  Transport& transport_;
  double patience_s_ = 0;
  Clock::time_point last_{};
};

}  // namespace detox
