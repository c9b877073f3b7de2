#include "experiment/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/as_error.hpp"
#include "base/atomic_file.hpp"
#include "base/child_program.hpp"
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/start_threads.hpp"
#include "detox/errors.hpp"
#include "experiment/tune_directory.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_directory.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGivenFile = "tune.toml";
constexpr const char* kLogFile = "train.log";
constexpr const char* kTestFile = "test.json";
constexpr int kStopped = 130;  // of a run that left a checkpoint because it was asked to

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
  if (!last.empty()) return std::string(last);
  constexpr int kSignal = 128, kKill = 9;
  if (result.exit_code == kSignal + kKill)
    return "killed; where the system had no memory left, give fewer --jobs";
  if (result.exit_code > kSignal)
    return fmt::format("ended by signal {}", result.exit_code - kSignal);
  return fmt::format("ended with exit code {}", result.exit_code);
}

/// One trial at a time, on one thread.
class Worker {
 public:
  Worker(const Search& search, const RunnerOptions& options, Watch& watch,
         const std::atomic<bool>& stop)
      : search_(search), options_(options), watch_(watch), stop_(stop) {}

  /// Whatever goes wrong is the run's outcome.
  Outcome run(const Trial& trial, const fs::path& folder, std::size_t threads) {
    Outcome outcome;
    outcome.folder = folder;
    bool new_here = false;
    try {
      outcome = outcome_in(folder, search_.last_steps);
      if (outcome.state == TrialState::kWaiting || outcome.state == TrialState::kInterrupted) {
        new_here = true;
        outcome = train(trial, folder, threads);
      }
      if (search_.metric == Metric::kTestAccuracy && outcome.state == TrialState::kFinished)
        new_here = score(outcome, threads) || new_here;
    } catch (const std::exception& error) {
      outcome.state = TrialState::kFailed;
      outcome.message = as_error(error).what();
    }
    watch_.ended(trial.label, how_it_ended(outcome), new_here);
    return outcome;
  }

 private:
  Outcome train(const Trial& trial, const fs::path& folder, std::size_t threads) {
    watch_.started(trial.label);
    fs::create_directories(folder);
    write_atomically(folder / kGivenFile, to_toml(trial.config, "detoxml tune: " + trial.label));
    wait_until_free(folder);
    std::ofstream log(folder / kLogFile, std::ios::app);
    ChildProgram child = train_child(folder, threads);
    child.on_line = [&](std::string_view line) {
      log << line << '\n' << std::flush;
      watch_.line(trial.label, line);
    };
    const ChildResult result = run_child(child);
    if (result.exit_code == 0 || result.exit_code == DivergedError::kExitCode)
      return outcome_in(folder, search_.last_steps);
    Outcome outcome;
    outcome.folder = folder;
    const bool stopped = stop_ || result.exit_code == kStopped;
    outcome.state = stopped ? TrialState::kInterrupted : TrialState::kFailed;
    if (!stopped) outcome.message = complaint(result);
    return outcome;
  }

  ChildProgram train_child(const fs::path& folder, std::size_t threads) const {
    ChildProgram child;
    child.arguments = {
        options_.program, "train",         "--config",  (folder / kGivenFile).string(),
        "--train-dir",    folder.string(), "--resume",  "auto",
        "--engine",       "local",         "--threads", std::to_string(threads),
        "--no-evaluate"};
    child.stop = &stop_;
    child.time_limit = std::chrono::years(1);  // it has its own: of a step, and of a start
    child.grace = std::chrono::minutes(5);     // a step and a checkpoint
    return child;
  }

  /// What a search that was killed left running ends by itself, with a checkpoint.
  void wait_until_free(const fs::path& folder) const {
    constexpr auto kLimit = std::chrono::minutes(1);
    constexpr auto kPause = std::chrono::milliseconds(100);
    const auto start = Clock::real().now();
    while (user_of_run_directory(folder).state != LockHolder::State::kFree && !stop_ &&
           Clock::real().now() - start < kLimit)
      std::this_thread::sleep_for(kPause);
  }

  /// Whether it had to be computed.
  bool score(Outcome& outcome, std::size_t threads) {
    const fs::path file = outcome.folder / kTestFile;
    const bool is_there = fs::exists(file);
    const std::string line =
        is_there ? std::string(text_of(read_file(file))) : evaluate(outcome.folder, threads);
    const auto parsed = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto number = [&](const char* name) {
      if (!parsed.is_object() || !parsed.contains(name)) {
        throw InputError(fmt::format("{} is damaged; remove it", file.string()));
      }
      return parsed[name].is_number() ? std::optional(parsed[name].get<double>()) : std::nullopt;
    };
    constexpr double kPercent = 100;
    outcome.test_loss = number("loss");
    if (const auto prec1 = number("prec1")) outcome.test_accuracy = *prec1 / kPercent;
    if (!is_there) write_atomically(file, line);
    return !is_there;
  }

  std::string evaluate(const fs::path& folder, std::size_t threads) const {
    const auto steps = list_checkpoints(folder);
    if (steps.empty()) throw InputError(fmt::format("{} holds no checkpoint", folder.string()));
    ChildProgram child;
    child.arguments = {options_.program,
                       "evaluate",
                       "--model-dir",
                       model_path(folder, steps.back()).string(),
                       "--json",
                       "--threads",
                       std::to_string(threads)};
    child.stop = &stop_;
    child.time_limit = std::chrono::hours(24);
    const ChildResult result = run_child(child);
    if (!result.ok()) throw InputError("cannot be evaluated: " + complaint(result));
    return result.output;
  }

  std::string how_it_ended(const Outcome& outcome) const {
    if (outcome.state == TrialState::kFailed) return "failed: " + outcome.message;
    if (outcome.state != TrialState::kFinished) return std::string(to_string(outcome.state));
    const Summary& summary = outcome.summary;
    std::string text = summary.loss ? fmt::format("loss {:.4f}", *summary.loss) : "no loss";
    constexpr double kPercent = 100;
    if (outcome.test_accuracy)
      text += fmt::format(", test accuracy {:.2f}%", kPercent * *outcome.test_accuracy);
    return text;
  }

  const Search& search_;
  const RunnerOptions& options_;
  Watch& watch_;
  const std::atomic<bool>& stop_;
};

/// The trials that nobody has taken yet, and the outcomes that nobody has looked at.
class Queue {
 public:
  explicit Queue(std::vector<Outcome> outcomes)
      : outcomes_(std::move(outcomes)), left_(outcomes_.size()) {}

  std::optional<std::size_t> take() {
    const std::lock_guard lock(mutex_);
    if (next_ == outcomes_.size()) return std::nullopt;
    return next_++;
  }

  /// Runs that have not ended.
  std::size_t left() {
    const std::lock_guard lock(mutex_);
    return left_;
  }

  void put(std::size_t trial, Outcome outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_[trial] = std::move(outcome);
    --left_;
    news_ = true;
    changed_.notify_all();
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    ++gone_;
    changed_.notify_all();
  }

  /// Waits a little; true where there is news or all have left.
  bool wait(std::size_t workers, bool& over, std::vector<Outcome>& outcomes) {
    constexpr auto kPause = std::chrono::milliseconds(100);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPause, [&] { return news_ || gone_ == workers; });
    const bool news = news_;
    news_ = false;
    over = gone_ == workers;
    if (news) outcomes = outcomes_;
    return news;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Outcome> outcomes_;
  std::size_t next_ = 0, left_, gone_ = 0;
  bool news_ = false;
};

/// Ends with the threads.
struct JoinedAtTheEnd {
  std::vector<std::thread> threads;
  ~JoinedAtTheEnd() {
    for (std::thread& thread : threads) thread.join();
  }
};

}  // namespace

std::size_t default_jobs(std::size_t cores, std::size_t runs) {
  return std::max<std::size_t>(1, std::min(cores, runs));
}

Outcome outcome_in(const fs::path& folder, std::uint64_t last_steps) {
  Outcome outcome;
  outcome.folder = folder;
  const std::optional<RunStatus> status = fs::exists(folder) ? read_status(folder) : std::nullopt;
  if (!status) return outcome;
  outcome.state = TrialState::kInterrupted;
  const bool diverged = status->state == RunState::kDiverged;
  if (status->state != RunState::kFinished && !diverged) return outcome;
  outcome.summary = summarise(read_metrics(folder / kMetricsFile), last_steps);
  if (outcome.summary.steps != status->step) {
    throw InputError(fmt::format("{} lacks the last steps of a run of {}",
                                 (folder / kMetricsFile).string(), status->step));
  }
  if (outcome.summary.steps_counted == 0 && !diverged) {
    outcome.state = TrialState::kFailed;
    outcome.message = "no step had a slice with a majority, so there is no loss";
    return outcome;
  }
  if (diverged) {
    // What its last steps still had for a loss is no result.
    outcome.summary.diverged = true;
    outcome.summary.loss.reset();
  }
  outcome.state = outcome.summary.diverged ? TrialState::kDiverged : TrialState::kFinished;
  return outcome;
}

std::vector<Outcome> carry_out(const Search& search, const RunnerOptions& options, Watch& watch,
                               const std::atomic<bool>& stop,
                               const std::function<void(const std::vector<Outcome>&)>& each) {
  std::vector<Outcome> outcomes(search.trials.size());
  const std::vector<fs::path> folders = run_folders(options.dir, search.trials);
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i].folder = folders[i];
  Queue queue(outcomes);
  const std::size_t jobs = std::min(options.jobs, search.trials.size());
  const auto work = [&](std::size_t) {
    Worker worker(search, options, watch, stop);
    for (std::optional<std::size_t> next; !stop && (next = queue.take());) {
      const std::size_t sharing = std::min(jobs, queue.left());
      const std::size_t share = std::max<std::size_t>(1, options.cores / sharing);
      queue.put(*next, worker.run(search.trials[*next], folders[*next],
                                  options.threads > 0 ? options.threads : share));
    }
    queue.leave();
  };
  JoinedAtTheEnd joined;
  try {
    start_threads(0, jobs, work, joined.threads);
  } catch (const InputError&) {
    if (joined.threads.empty()) throw;  // with fewer it takes longer, no more
  }
  for (bool over = false; !over;) {
    if (queue.wait(joined.threads.size(), over, outcomes)) each(outcomes);
    watch.look();
  }
  return outcomes;
}

}  // namespace detox
