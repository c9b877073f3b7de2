// What a person sees of a long transfer: a bar on a terminal, a few plain lines elsewhere. On
// standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace detox {

class TransferProgress {
 public:
  /// `what` opens every line.
  TransferProgress(std::string what, std::uint64_t bytes);
  ~TransferProgress();
  TransferProgress(const TransferProgress&) = delete;
  TransferProgress& operator=(const TransferProgress&) = delete;

  void update(std::uint64_t done);

 private:
  std::string line(std::uint64_t done) const;

  std::string what_;
  std::uint64_t all_, next_line_;
  bool terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point last_drawn_;
};

}  // namespace detox
