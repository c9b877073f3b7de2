#include "engine/order_patience.hpp"

#include <algorithm>

namespace detox {

void OrderPatience::begin(Time now, double limit_s) {
  *this = {};
  begin_ = now;
  limit_s_ = limit_s;
}

void OrderPatience::ordered(const SliceOrder& order, Time now) {
  waiting_.push_back({order, now});
  ++orders_;
}

void OrderPatience::answered(const SliceOrder& order, Time now) {
  const auto found = std::ranges::find_if(waiting_, [&](const Waiting& one) {
    return one.order.worker == order.worker && one.order.slice == order.slice;
  });
  if (found == waiting_.end()) return;
  waiting_.erase(found);
  ++answers_;
  if (half_s_ == 0 && 2 * answers_ >= orders_)
    half_s_ = std::chrono::duration<double>(now - begin_).count();
}

double OrderPatience::seconds() const {
  const double most_s = kMostShare * limit_s_;
  return half_s_ == 0 ? most_s : std::min(most_s, std::max(kLeastSeconds, kTimesTheHalf * half_s_));
}

std::vector<SliceOrder> OrderPatience::overdue(Time now) {
  const double seconds_most = seconds();
  const auto end = std::ranges::find_if(waiting_, [&](const Waiting& one) {
    return std::chrono::duration<double>(now - one.since).count() <= seconds_most;
  });
  std::vector<SliceOrder> overdue;
  for (auto it = waiting_.begin(); it != end; ++it) overdue.push_back(it->order);
  waiting_.erase(waiting_.begin(), end);
  return overdue;
}

bool OrderPatience::is_half_over(Time now) {
  if (was_half_over_ || std::chrono::duration<double>(now - begin_).count() < limit_s_ / 2)
    return false;
  return was_half_over_ = true;
}

}  // namespace detox
