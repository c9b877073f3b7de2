// What a person sees of a long transfer: a bar on a terminal, a few plain lines elsewhere. On
// standard error.
#pragma once

#include <cstdint>
#include <string>

#include "base/progress_line.hpp"

namespace detox {

class TransferProgress {
 public:
  /// `what` opens every line.
  TransferProgress(std::string what, std::uint64_t bytes);

  void update(std::uint64_t done);

 private:
  std::string text(std::uint64_t done) const;

  std::string what_;
  std::uint64_t all_, next_line_;
  ProgressLine line_;
};

}  // namespace detox
