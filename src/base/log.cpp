#include "base/log.hpp"

#include <cstdio>
#include <mutex>
#include <string>

namespace detox {
namespace {

constexpr const char* kEraseToTheEnd = "\x1b[K";

std::mutex log_mutex;
std::string log_prefix;
std::function<void(std::string_view)> log_sink;
bool line_is_open = false;

void close_line() {
  if (line_is_open) std::fputs("\n", stderr);
  line_is_open = false;
}

}  // namespace

void set_log_prefix(std::string_view prefix) {
  const std::lock_guard lock(log_mutex);
  log_prefix = prefix;
}

void log_line(std::string_view line) {
  const std::lock_guard lock(log_mutex);
  if (log_sink) return log_sink(fmt::format("{}{}", log_prefix, line));
  close_line();
  const std::string whole = fmt::format("{}{}\n", log_prefix, line);
  std::fwrite(whole.data(), 1, whole.size(), stderr);
  std::fflush(stderr);
}

void send_log_to(std::function<void(std::string_view)> sink) {
  const std::lock_guard lock(log_mutex);
  close_line();
  log_sink = std::move(sink);
}

bool is_log_sent_elsewhere() {
  const std::lock_guard lock(log_mutex);
  return static_cast<bool>(log_sink);
}

void draw_open_line(std::string_view text) {
  const std::lock_guard lock(log_mutex);
  if (log_sink) return;
  const std::string whole = fmt::format("\r{}{}", text, kEraseToTheEnd);
  std::fwrite(whole.data(), 1, whole.size(), stderr);
  std::fflush(stderr);
  line_is_open = true;
}

void end_open_line() {
  const std::lock_guard lock(log_mutex);
  close_line();
}

void erase_open_line() {
  const std::lock_guard lock(log_mutex);
  if (line_is_open) std::fputs(fmt::format("\r{}", kEraseToTheEnd).c_str(), stderr);
  line_is_open = false;
}

}  // namespace detox
