#include "experiment/watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/duration_text.hpp"
#include "base/log.hpp"

namespace detox {
namespace {

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

Watch::Watch(std::size_t runs, std::uint64_t steps, const Clock& clock)
    : runs_(runs),
      steps_(steps),
      clock_(clock),
      start_(clock.now()),
      last_line_(start_),
      line_(clock) {}

Watch::~Watch() { line_.erase(); }

void Watch::started(const std::string& label, const std::string& where) {
  const std::lock_guard lock(mutex_);
  running_[label] = {};
  if (!line_.is_on_terminal())
    say(fmt::format("{}: started{}{}", label, where.empty() ? "" : " on ", where));
}

void Watch::lost(const std::string& label, const std::string& why) {
  const std::lock_guard lock(mutex_);
  running_.erase(label);
  say(fmt::format("{}: {}", label, why));
}

void Watch::line(const std::string& label, std::string_view line) {
  const std::optional<StepLine> step = step_line(line);
  const std::lock_guard lock(mutex_);
  Running& run = running_[label];
  // What a warning says concerns the person who watches; the rest is in the run's train.log. Before
  // the first step many runs warn of the same.
  if (line.starts_with("warning: ") && (run.first || warned_.emplace(line).second))
    say(fmt::format("{}: {}", label, line));
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
  const auto now = clock_.now();
  const bool is_worth_a_line = now - last_line_ >= kBetweenLines;
  if (running_.empty() || !line_.is_due(false, is_worth_a_line)) return;
  last_line_ = now;
  line_.show(status());
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
  return duration_text(clock_.seconds_since(start_) / static_cast<double>(done) *
                       static_cast<double>(to_do));
}

void Watch::say(const std::string& text) {
  line_.erase();
  log_line(text);
}

}  // namespace detox
