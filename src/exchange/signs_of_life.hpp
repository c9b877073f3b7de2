// What the server sends to ranks that hear nothing else of it while it waits for others.
#pragma once

#include <span>

#include "comm/frame.hpp"

namespace detox {

/// Of one audience. Used by one thread; the transport outlives it.
class SignsOfLife {
 public:
  explicit SignsOfLife(Transport& transport) : transport_(transport) {}

  /// The ranks have just heard something, and wait `patience_s` for a silent server.
  void start(double patience_s);
  /// The ranks have just heard something else.
  void heard() { last_ = transport_.clock().now(); }
  /// Call it often: it sends four signs in each patience. It skips ranks that have not taken in
  /// their last frames: more would only pile up.
  void give(std::span<const int> ranks);

 private:
  Transport& transport_;
  double patience_s_ = 0;
  Clock::time_point last_{};
};

}  // namespace detox
