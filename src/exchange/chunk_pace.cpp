#include "exchange/chunk_pace.hpp"

#include <algorithm>

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

ChunkPace::ChunkPace(std::size_t workers, std::size_t q, double least_s)
    : q_(q),
      least_s_(least_s),
      patience_s_(std::max(kFirstPatienceSeconds, least_s)),
      workers_(workers) {}

void ChunkPace::add(std::uint32_t worker, double seconds) {
  workers_[worker].add(seconds);
  std::vector<double> paces;
  for (const RecentMedian& pace : workers_) {
    if (pace.is_known()) paces.push_back(pace.value());
  }
  if (paces.size() <= q_) return;  // they may all be liars
  const std::size_t usual = std::min((paces.size() - 1) / 2, paces.size() - q_ - 1);
  const auto at = paces.begin() + static_cast<std::ptrdiff_t>(usual);
  std::nth_element(paces.begin(), at, paces.end());
  patience_s_ = std::max(least_s_, kTooLong * *at);
}

bool ChunkPace::is_slow(std::uint32_t worker) const {
  return workers_[worker].is_known() && workers_[worker].value() > kSlow / kTooLong * patience_s_;
}

}  // namespace detox
