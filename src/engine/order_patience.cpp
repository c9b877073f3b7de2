#include "engine/order_patience.hpp"

#include <algorithm>
#include <bit>

namespace detox {
namespace {

constexpr std::uint32_t kLatest = (1U << 15U) - 1;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

void OrderPatience::begin(Time now, double limit_s) {
  waiting_.clear();
  orders_ = answers_ = 0;
  begin_ = now;
  limit_s_ = limit_s;
  half_s_ = 0;
  was_half_over_ = false;
}

void OrderPatience::ordered(const SliceOrder& order, Time now) {
  waiting_.push_back({order, now});
  ++orders_;
}

void OrderPatience::note(std::uint32_t worker, bool is_slow) {
  was_slow_[worker] = (was_slow_[worker] << 1U | (is_slow ? 1U : 0U)) & kLatest;
}

void OrderPatience::answered(const SliceOrder& order, Time now) {
  const auto found = std::ranges::find_if(waiting_, [&](const Waiting& one) {
    return one.order.worker == order.worker && one.order.slice == order.slice;
  });
  if (found == waiting_.end()) return;
  note(order.worker, half_s_ > 0 && seconds_between(found->since, now) >
                                        std::max(kLeastOfSlowSeconds, kTimesTheHalf * half_s_));
  waiting_.erase(found);
  ++answers_;
  if (half_s_ == 0 && 2 * answers_ >= orders_) half_s_ = seconds_between(begin_, now);
}

double OrderPatience::seconds(std::uint32_t worker) const {
  const double most_s = kMostShare * limit_s_;
  if (half_s_ == 0) return most_s;
  const bool is_slow = std::popcount(was_slow_[worker]) >= kOftenSlow;
  return std::min(most_s,
                  std::max(is_slow ? kLeastOfSlowSeconds : kLeastSeconds, kTimesTheHalf * half_s_));
}

std::vector<SliceOrder> OrderPatience::overdue(Time now) {
  std::vector<SliceOrder> overdue;
  std::erase_if(waiting_, [&](const Waiting& one) {
    if (seconds_between(one.since, now) <= seconds(one.order.worker)) return false;
    overdue.push_back(one.order);
    return true;
  });
  for (const SliceOrder& order : overdue) note(order.worker, true);
  return overdue;
}

bool OrderPatience::is_half_over(Time now) {
  if (was_half_over_ || std::chrono::duration<double>(now - begin_).count() < limit_s_ / 2)
    return false;
  return was_half_over_ = true;
}

}  // namespace detox
