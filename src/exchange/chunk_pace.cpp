#include "exchange/chunk_pace.hpp"

#include <algorithm>
#include <iterator>

namespace detox {
namespace {

constexpr double kTooLong = 3, kSlow = 1.5;  // times the usual worker's turn

}  // namespace

void RecentMedian::add(double value) {
  if (latest_.size() < kLatest) {
    latest_.push_back(value);
  } else {
    latest_[next_++ % kLatest] = value;
  }
  std::vector<double> sorted = latest_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  median_ = *middle;
}

void RankedValues::add(double value) {
  const bool is_low = !low_.empty() && value < *low_.rbegin();
  (is_low ? low_ : high_).insert(value);
}

void RankedValues::remove(double value) {
  const auto low = low_.find(value);
  if (low != low_.end()) {
    low_.erase(low);
  } else {
    high_.erase(high_.find(value));
  }
}

double RankedValues::at(std::size_t place) {
  while (low_.size() > place + 1) high_.insert(low_.extract(std::prev(low_.end())));
  while (low_.size() < place + 1) low_.insert(high_.extract(high_.begin()));
  return *low_.rbegin();
}

ChunkPace::ChunkPace(std::size_t workers, std::size_t q, double least_s)
    : q_(q),
      least_s_(least_s),
      patience_s_(std::max(kFirstPatienceSeconds, least_s)),
      workers_(workers) {}

void ChunkPace::add(std::uint32_t worker, double seconds) {
  RecentMedian& pace = workers_[worker];
  if (pace.is_known()) paces_.remove(pace.value());
  pace.add(seconds);
  paces_.add(pace.value());
  const std::size_t known = paces_.size();
  if (known <= q_) return;  // they may all be liars
  const std::size_t usual = std::min((known - 1) / 2, known - q_ - 1);
  patience_s_ = std::max(least_s_, kTooLong * paces_.at(usual));
}

bool ChunkPace::is_slow(std::uint32_t worker) const {
  return workers_[worker].is_known() && workers_[worker].value() > kSlow / kTooLong * patience_s_;
}

}  // namespace detox
