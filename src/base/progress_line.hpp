// The line on standard error that says how far something is: redrawn in its place on a terminal;
// elsewhere a line of its own, wherever its owner finds one worth it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace detox {

/// Log lines from any thread end it and stand below (base/log.hpp); itself it is for one thread at
/// a time.
class ProgressLine {
 public:
  explicit ProgressLine(const Clock& clock = Clock::real());
  /// Ends the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  bool is_on_terminal() const { return terminal_; }

  /// Whether to show something now. On a terminal: if 100 ms have passed since it was shown, or
  /// this is the `last` time. Elsewhere: if it is `worth_a_line`.
  bool is_due(bool last, bool worth_a_line) const;

  /// Cut to the terminal's width.
  void show(std::string_view text);
  /// With a bar in front, on a terminal that is wide enough for one.
  void show(std::string_view text, std::uint64_t done, std::uint64_t all);

  /// Leaves what is shown; what comes next begins below it.
  void end();
  /// Takes away what is shown.
  void erase();

 private:
  void draw(std::string_view text);

  const Clock& clock_;
  bool terminal_;
  std::optional<Clock::time_point> shown_;
};

}  // namespace detox
