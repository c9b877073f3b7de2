#include "exchange/signs_of_life.hpp"

namespace detox {

void SignsOfLife::start(double patience_s) {
  patience_s_ = patience_s;
  heard();
}

void SignsOfLife::give(std::span<const int> ranks) {
  constexpr double kSignsInPatience = 4;
  if (transport_.clock().seconds_since(last_) < patience_s_ / kSignsInPatience) return;
  heard();
  const FrameBytes sign = make_wait();
  for (const int rank : ranks) {
    if (transport_.is_idle(rank)) transport_.send(rank, sign);
  }
}

}  // namespace detox
