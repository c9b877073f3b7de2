#include "round/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/log.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kBarCells = 30;
constexpr std::uint64_t kLines = 20;
constexpr auto kRedraw = std::chrono::milliseconds(100);

std::string duration_text(double seconds) {
  const auto whole = std::llround(std::max(0.0, seconds));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(std::uint64_t first_step, std::uint64_t last_step, std::uint64_t interval,
                   const Clock& clock)
    : first_(first_step),
      last_(last_step),
      interval_(interval > 0
                    ? interval
                    : std::max<std::uint64_t>(1, (last_step - first_step + kLines) / kLines)),
      terminal_(isatty(STDERR_FILENO) == 1),
      clock_(clock),
      start_(clock.now()),
      last_drawn_(start_ - kRedraw) {}

Progress::~Progress() { clear(); }

void Progress::clear() { end_open_line(); }

std::string Progress::line(std::uint64_t step, std::optional<double> loss,
                           std::optional<double> accuracy) const {
  const double elapsed = clock_.seconds_since(start_);
  const double per_step =
      elapsed / static_cast<double>(std::max<std::uint64_t>(1, step - first_ + 1));
  return fmt::format("step {}/{}  loss {}  accuracy {}  {} left", step, last_,
                     loss ? fmt::format("{:.4f}", *loss) : "-",
                     accuracy ? fmt::format("{:.1f}%", 100 * *accuracy) : "-",
                     duration_text(per_step * static_cast<double>(last_ - step)));
}

void Progress::update(std::uint64_t step, std::optional<double> loss,
                      std::optional<double> accuracy) {
  const auto now = clock_.now();
  if (!terminal_) {
    if (step % interval_ == 0 || step == last_) log_line(line(step, loss, accuracy));
    return;
  }
  if (now - last_drawn_ < kRedraw && step != last_) return;
  last_drawn_ = now;
  const std::uint64_t filled = last_ == 0 ? kBarCells : kBarCells * step / last_;
  const std::string bar =
      fmt::format("\r[{}{}] {}\x1b[K", std::string(filled, '#'),
                  std::string(kBarCells - filled, '.'), line(step, loss, accuracy));
  draw_open_line(bar);
}

}  // namespace detox
