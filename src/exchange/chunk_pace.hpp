// How long a chunk of an answer takes, and how long is too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace detox {

/// The median of the latest values; the lower one of two in the middle.
class RecentMedian {
 public:
  void add(double value);
  bool is_known() const { return !latest_.empty(); }
  double value() const { return median_; }

 private:
  static constexpr std::size_t kLatest = 15;
  std::vector<double> latest_;
  std::size_t next_ = 0;
  double median_ = 0;
};

/// n values, and the one that has a given place in their sorted order. add() and remove() cost
/// O(log n), and so does at() if the place has changed by a few.
class RankedValues {
 public:
  void add(double value);
  void remove(double value);  ///< which is there
  std::size_t size() const { return low_.size() + high_.size(); }
  /// The place-th smallest, from 0; below size().
  double at(std::size_t place);

 private:
  std::multiset<double> low_, high_;  ///< none of high_ is less than one of low_
};

/// A worker's turn may last three times what the usual worker takes, and never less than what a
/// busy machine may take. Each worker counts once, by its own recent median, whatever it delivers;
/// the usual worker is the middle one, or, where q liars could be most of those that have
/// delivered, one so fast that an honest one is no faster. So q of them cannot make it more patient
/// than the slowest honest one would.
class ChunkPace {
 public:
  static constexpr double kLeastPatienceSeconds = 0.1, kFirstPatienceSeconds = 1;
  ChunkPace(std::size_t workers, std::size_t q, double least_s = kLeastPatienceSeconds);

  /// A turn of this worker.
  void add(std::uint32_t worker, double seconds);

  double least_s() const { return least_s_; }
  double patience_s() const { return patience_s_; }
  /// Whether it has ever delivered.
  bool is_known(std::uint32_t worker) const { return workers_[worker].is_known(); }
  /// Whether it takes much longer than the usual worker.
  bool is_slow(std::uint32_t worker) const;

 private:
  std::size_t q_;
  double least_s_, patience_s_;
  std::vector<RecentMedian> workers_;
  RankedValues paces_;  ///< of the workers that are known
};

}  // namespace detox
