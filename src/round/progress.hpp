// What a person sees of a running training: a bar on a terminal, plain lines elsewhere. On standard
// error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/progress_line.hpp"

namespace detox {

class Progress {
 public:
  /// `interval`: a line every so many steps where there is no terminal; 0: about 20 lines.
  Progress(std::uint64_t first_step, std::uint64_t last_step, std::uint64_t interval,
           const Clock& clock = Clock::real());

  void update(std::uint64_t step, std::optional<double> loss, std::optional<double> accuracy);
  /// Ends the bar's line, so that others can print.
  void clear() { line_.end(); }

 private:
  std::string text(std::uint64_t step, std::optional<double> loss,
                   std::optional<double> accuracy) const;

  std::uint64_t last_, interval_;
  std::uint64_t taken_ = 0;  ///< steps, also such as were taken again
  const Clock& clock_;
  Clock::time_point start_;
  ProgressLine line_;
};

}  // namespace detox
