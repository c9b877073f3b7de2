#include "tune/watch.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/log.hpp"
#include "base/seconds_since.hpp"

namespace detox {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRedrawTerminal = std::chrono::milliseconds(200);
constexpr auto kBetweenLines = std::chrono::seconds(30);

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

bool take_whole(std::string_view& text, std::uint64_t& number) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return true;
}

std::string time_text(double seconds) {
  const auto whole = std::llround(std::max(0.0, seconds));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::size_t terminal_columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : kUsual;
}

}  // namespace

std::optional<StepLine> step_line(std::string_view line) {
  StepLine result;
  if (!take_word(line, "step ") || !take_whole(line, result.step) || !take_word(line, "/") ||
      !take_whole(line, result.last_step) || !take_word(line, "  loss ")) {
    return std::nullopt;
  }
  result.loss = line.substr(0, line.find(' '));
  return result;
}

Watch::Watch(std::size_t runs, std::uint64_t steps)
    : runs_(runs),
      steps_(steps),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

Watch::~Watch() { clear(); }

void Watch::started(const std::string& label) {
  const std::lock_guard lock(mutex_);
  running_[label] = {};
  if (!terminal_) say(fmt::format("{}: started", label));
}

void Watch::line(const std::string& label, std::string_view line) {
  const std::optional<StepLine> step = step_line(line);
  const std::lock_guard lock(mutex_);
  Running& run = running_[label];
  // What a warning says concerns the person who watches; the rest is in the run's train.log.
  if (line.starts_with("warning: ")) say(fmt::format("{}: {}", label, line));
  if (!step) return;
  // The first line comes some steps after the beginning, which is close enough for an estimate.
  if (!run.first) run.first = step->step - 1;
  run.latest = *step;
}

void Watch::ended(const std::string& label, const std::string& how, bool new_here) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(label);
  if (found != running_.end()) {
    const Running& run = found->second;
    if (run.first) steps_done_ += run.latest.step - *run.first;
    running_.erase(found);
  }
  ++ended_;
  say(fmt::format("[{}/{}] {}: {}{}", ended_, runs_, label, how,
                  new_here ? "" : " (was there already)"));
}

void Watch::look() {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (running_.empty() || now - last_ < (terminal_ ? Clock::duration(kRedrawTerminal)
                                                   : Clock::duration(kBetweenLines))) {
    return;
  }
  last_ = now;
  if (!terminal_) {
    log_line(status());
    return;
  }
  const std::string text = status().substr(0, terminal_columns() - 1);
  std::fputs(fmt::format("\r{}\x1b[K", text).c_str(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

std::string Watch::status() const {
  std::string text = fmt::format("{} of {} runs done, {} left", ended_, runs_, left());
  for (const auto& [label, run] : running_) {
    text += fmt::format("; {}: ", label);
    if (run.latest.last_step == 0) {
      text += "starting";
    } else {
      text +=
          fmt::format("step {}/{} loss {}", run.latest.step, run.latest.last_step, run.latest.loss);
    }
  }
  return text;
}

std::string Watch::left() const {
  std::uint64_t done = steps_done_, to_do = 0;
  for (const auto& [label, run] : running_) {
    if (run.first) done += run.latest.step - *run.first;
    to_do += run.latest.last_step > 0 ? run.latest.last_step - run.latest.step : steps_;
  }
  const std::size_t waiting = runs_ - std::min(runs_, ended_ + running_.size());
  to_do += steps_ * waiting;
  if (done == 0) return "?";
  return time_text(seconds_since(start_) / static_cast<double>(done) * static_cast<double>(to_do));
}

void Watch::say(const std::string& text) {
  clear();
  log_line(text);
}

void Watch::clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

}  // namespace detox
