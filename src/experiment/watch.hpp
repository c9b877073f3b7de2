// What a person sees while runs go on: a line that is redrawn on a terminal, now and then a line
// elsewhere. On standard error.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/progress_line.hpp"

namespace detox {

/// A line of train's progress: "step 10/200  loss 0.6123  accuracy …".
struct StepLine {
  std::uint64_t step = 0, last_step = 0;
  std::string loss;  ///< as printed
};

/// Empty where the line is another.
std::optional<StepLine> step_line(std::string_view line);

/// Thread-safe.
class Watch {
 public:
  /// `steps`: those of one run, as far as is known.
  Watch(std::size_t runs, std::uint64_t steps, const Clock& clock = Clock::real());
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// `where`: on which other machine; empty: here.
  void started(const std::string& label, const std::string& where = {});
  /// It has not ended, and begins again elsewhere.
  void lost(const std::string& label, const std::string& why);
  /// One of the run's own lines.
  void line(const std::string& label, std::string_view line);
  /// `how`: "loss 0.5213", "failed: …". `new_here`: false where it had ended before.
  void ended(const std::string& label, const std::string& how, bool new_here);
  /// Draws if it is time to; call it often.
  void look();

 private:
  struct Running {
    std::optional<std::uint64_t> first;  ///< where this process took it up
    StepLine latest;
  };
  std::string status() const;
  std::string left() const;
  void say(const std::string& text);

  mutable std::mutex mutex_;
  std::map<std::string, Running> running_;
  std::set<std::string, std::less<>> warned_;  ///< what has been said of runs before their steps
  std::size_t runs_, ended_ = 0;
  std::uint64_t steps_, steps_done_ = 0;  ///< done here, by runs that have ended
  const Clock& clock_;
  Clock::time_point start_, last_line_;
  ProgressLine line_;
};

}  // namespace detox
