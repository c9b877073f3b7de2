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

constexpr std::size_t kMostCells = 30, kFewestCells = 5;
constexpr auto kRedraw = std::chrono::milliseconds(100);

/// Columns of the terminal as it is now (people make it wider and narrower) but one: a line that
/// wraps cannot be redrawn.
std::size_t room() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return (is_known ? size.ws_col : kUsual) - 1;
}

}  // namespace

ProgressLine::ProgressLine(const Clock& clock)
    : clock_(clock), terminal_(!is_log_sent_elsewhere() && isatty(STDERR_FILENO) == 1) {}

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
  const std::size_t taken = text.size() + std::string_view("[] ").size();
  const std::size_t columns = room();
  const std::size_t cells = columns > taken ? std::min(kMostCells, columns - taken) : 0;
  if (cells < kFewestCells) return draw(text);
  const std::size_t filled = all == 0 ? cells : cells * std::min(done, all) / all;
  draw(fmt::format("[{}{}] {}", std::string(filled, '#'), std::string(cells - filled, '.'), text));
}

void ProgressLine::draw(std::string_view text) {
  draw_open_line(text.substr(0, room()));
  shown_ = clock_.now();
}

void ProgressLine::end() { end_open_line(); }

void ProgressLine::erase() { erase_open_line(); }

}  // namespace detox
