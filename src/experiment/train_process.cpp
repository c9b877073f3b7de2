#include "experiment/train_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "base/clock.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "record/run_directory.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLogFile = "train.log";
constexpr int kStopped = 130;  // of a run that left a checkpoint because it was asked to
constexpr int kUsage = 2, kUndefended = 3;
constexpr std::size_t kLongestComplaint = 500;

/// The last line of the program's own about what went wrong.
std::string complaint(const ChildResult& result) {
  constexpr std::string_view kMark = "detoxml: ";
  std::string_view rest = result.errors;
  std::string_view last;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with(kMark)) last = line.substr(kMark.size());
  }
  if (!last.empty()) return printable(last, kLongestComplaint);
  constexpr int kSignal = 128, kKill = 9;
  if (result.exit_code == kSignal + kKill)
    return "killed; where the system had no memory left, give fewer --jobs";
  if (result.exit_code > kSignal)
    return fmt::format("ended by signal {}", result.exit_code - kSignal);
  return fmt::format("ended with exit code {}", result.exit_code);
}

/// What a process that was killed left running ends by itself, with a checkpoint.
void wait_until_free(const fs::path& folder, const std::atomic<bool>& stop) {
  constexpr auto kLimit = std::chrono::minutes(1);
  constexpr auto kLookAgain = std::chrono::milliseconds(100);
  const auto start = Clock::real().now();
  while (user_of_run_directory(folder).state != LockHolder::State::kFree && !stop &&
         Clock::real().now() - start < kLimit)
    std::this_thread::sleep_for(kLookAgain);
}

ChildProgram child_at(const Place& place, std::vector<std::string> words, std::size_t threads) {
  if (place.start) return place.start(words);
  words.insert(words.end(), {"--threads", std::to_string(threads)});
  ChildProgram child;
  child.arguments = std::move(words);
  return child;
}

TrainEnd end_of(const ChildResult& result, const Place& place, bool stopped) {
  if (result.exit_code == 0 || result.exit_code == DivergedError::kExitCode)
    return {TrainEnd::How::kEnded, {}};
  if (stopped || result.exit_code == kStopped) return {TrainEnd::How::kStopped, {}};
  if (place.lost) {
    if (std::string why = place.lost(result); !why.empty())
      return {TrainEnd::How::kLost, std::move(why)};
  }
  const bool refused = result.exit_code == kUsage || result.exit_code == kUndefended;
  return {refused ? TrainEnd::How::kRefused : TrainEnd::How::kFailed, complaint(result),
          result.exit_code == kUndefended};
}

}  // namespace

TrainEnd train(const TrainOrder& order, const Place& place, Watch& watch,
               const std::atomic<bool>& stop) {
  watch.started(order.label, place.name);
  wait_until_free(order.folder, stop);
  std::ofstream log(order.folder / kLogFile, std::ios::app);
  ChildProgram child =
      child_at(place,
               {order.program, "train", "--config", order.config.string(), "--train-dir",
                order.folder.string(), "--resume", "auto", "--engine", "local", "--no-evaluate"},
               order.threads);
  child.stop = &stop;
  child.time_limit = std::chrono::years(1);  // it has its own: of a step, and of a start
  child.grace = std::chrono::minutes(5);     // a step and a checkpoint
  child.on_line = [&](std::string_view line) {
    log << line << '\n' << std::flush;
    watch.line(order.label, line);
  };
  return end_of(run_child(child), place, stop);
}

std::string evaluate(const TrainOrder& order, const fs::path& what, const Place& place,
                     const std::atomic<bool>& stop, TrainEnd& end) {
  // Few enough to stay in memory that is kept: more are page faults again and again.
  constexpr const char* kBatch = "100";
  ChildProgram child = child_at(place,
                                {order.program, "evaluate", "--model-dir", what.string(), "--json",
                                 "--eval-batch-size", kBatch},
                                order.threads);
  child.stop = &stop;
  child.time_limit = std::chrono::hours(24);
  const ChildResult result = run_child(child);
  end = end_of(result, place, stop);
  return result.output;
}

}  // namespace detox
