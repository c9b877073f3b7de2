#include "base/log.hpp"

#include <cstdio>
#include <mutex>
#include <string>

namespace detox {
namespace {

std::mutex log_mutex;
std::string log_prefix;

}  // namespace

void set_log_prefix(std::string_view prefix) {
  const std::lock_guard lock(log_mutex);
  log_prefix = prefix;
}

void log_line(std::string_view line) {
  const std::lock_guard lock(log_mutex);
  const std::string whole = fmt::format("{}{}\n", log_prefix, line);
  std::fwrite(whole.data(), 1, whole.size(), stderr);
  std::fflush(stderr);
}

}  // namespace detox
