// How the transport waits, and what it waits for. Only for the files of this folder.
#pragma once

#include <mpi.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "comm/mpi/mpi_call.hpp"

namespace detox {

/// Waits between polls: yields while an answer is likely, then sleeps, longer where nothing is
/// under way.
class Backoff {
 public:
  explicit Backoff(Clock::time_point deadline) : deadline_(deadline), begin_(Clock::real().now()) {}

  /// False once the deadline has passed.
  bool pause(bool transfers_under_way) {
    const Clock::time_point now = Clock::real().now();
    if (now >= deadline_) return false;
    if (polls_++ < kYields) {
      sched_yield();
      return true;
    }
    // Many ranks that wait for long on few cores would use them up by looking.
    const auto longest =
        std::chrono::microseconds(transfers_under_way ? 20 : 200) * (now - begin_ > kLong ? 5 : 1);
    sleep_ = std::min(2 * sleep_, longest);
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline_ - now);
    const auto span = std::min(sleep_, left);
    const timespec time{span.count() / 1'000'000, span.count() % 1'000'000 * 1000};
    nanosleep(&time, nullptr);
    return true;
  }

  void reset() {
    polls_ = 0;
    begin_ = Clock::real().now();
    sleep_ = std::chrono::microseconds(20);
  }

 private:
  static constexpr int kYields = 32;
  static constexpr std::chrono::milliseconds kLong{10};
  Clock::time_point deadline_, begin_;
  int polls_ = 0;
  std::chrono::microseconds sleep_{20};
};

/// Requests of MPI with what each belongs to, kept side by side because MPI_Testsome wants an
/// array.
template <class Item>
class Requests {
 public:
  bool empty() const { return requests_.empty(); }
  const std::vector<Item>& items() const { return items_; }

  void add(MPI_Request request, Item item) {
    requests_.push_back(request);
    items_.push_back(std::move(item));
  }

  /// Calls done(item, error) for each finished one and forgets it; true if there were any.
  template <class Done>
  bool collect(const char* what, Done done) {
    if (requests_.empty()) return false;
    const auto count = static_cast<int>(requests_.size());
    indices_.resize(requests_.size());
    statuses_.resize(requests_.size());
    int finished = 0;
    const int code =
        MPI_Testsome(count, requests_.data(), &finished, indices_.data(), statuses_.data());
    if (code != MPI_ERR_IN_STATUS) check_mpi(code, what);
    if (finished == MPI_UNDEFINED || finished == 0) return false;
    for (int i = 0; i < finished; ++i) {
      const int error = code == MPI_ERR_IN_STATUS ? statuses_[static_cast<std::size_t>(i)].MPI_ERROR
                                                  : MPI_SUCCESS;
      done(items_[static_cast<std::size_t>(indices_[static_cast<std::size_t>(i)])], error);
    }
    forget_finished();
    return true;
  }

 private:
  void forget_finished() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      if (kept != i) {
        requests_[kept] = requests_[i];
        items_[kept] = std::move(items_[i]);
      }
      ++kept;
    }
    requests_.resize(kept);
    items_.resize(kept);
  }

  std::vector<MPI_Request> requests_;
  std::vector<Item> items_;
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
};

}  // namespace detox
