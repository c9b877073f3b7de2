#include "base/progress_line.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "base/log.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kBarCells = 30;
constexpr auto kRedraw = std::chrono::milliseconds(100);

/// Of the terminal as it is now: people make it wider and narrower.
std::size_t terminal_columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : kUsual;
}

}  // namespace

ProgressLine::ProgressLine(const Clock& clock)
    : clock_(clock), terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() { end(); }

bool ProgressLine::is_due(bool last, bool worth_a_line) const {
  if (!terminal_) return worth_a_line;
  return last || !shown_ || clock_.now() - *shown_ >= kRedraw;
}

void ProgressLine::show(std::string_view text) {
  if (!terminal_) return log_line(text);
  draw(text);
}

void ProgressLine::show(std::string_view text, std::uint64_t done, std::uint64_t all) {
  if (!terminal_) return log_line(text);
  const std::uint64_t filled = all == 0 ? kBarCells : kBarCells * std::min(done, all) / all;
  draw(fmt::format("[{}{}] {}", std::string(filled, '#'), std::string(kBarCells - filled, '.'),
                   text));
}

void ProgressLine::draw(std::string_view text) {
  // A line that wraps cannot be redrawn.
  draw_open_line(text.substr(0, terminal_columns() - 1));
  shown_ = clock_.now();
}

void ProgressLine::end() { end_open_line(); }

void ProgressLine::erase() { erase_open_line(); }

}  // namespace detox
