// Lines for people, on standard error, whole lines at a time from any thread.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

namespace detox {

/// Put before every line of this process, e.g. "rank 3: ". Set once, before other threads log.
void set_log_prefix(std::string_view prefix);

void log_line(std::string_view line);

/// From now on whole lines go to this function, without their ends and one at a time, and open
/// lines nowhere; empty: to standard error again.
void send_log_to(std::function<void(std::string_view)> sink);
bool is_log_sent_elsewhere();

/// Writes a line that stays open, such as a progress bar, in the place of the one before; the next
/// whole line begins below it.
void draw_open_line(std::string_view text);
/// Ends the open line, if there is one.
void end_open_line();
/// Takes it away, if there is one.
void erase_open_line();

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line("warning: " + fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace detox
