#include "experiment/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/as_error.hpp"
#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "detox/errors.hpp"
#include "experiment/run_pool.hpp"
#include "experiment/train_process.hpp"
#include "experiment/tune_directory.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_directory.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGivenFile = "tune.toml";
constexpr const char* kTestFile = "test.json";

/// One trial at a time, on one thread.
class TrialWorker {
 public:
  TrialWorker(const Search& search, const RunnerOptions& options, Watch& watch,
              const std::atomic<bool>& stop)
      : search_(search), options_(options), watch_(watch), stop_(stop) {}

  /// Whatever goes wrong is the run's outcome. Empty where the place is lost.
  std::optional<Outcome> run(const Trial& trial, const fs::path& folder, const Place& place,
                             std::size_t threads) const {
    const TrainOrder order{options_.program, trial.label, fs::absolute(folder),
                           fs::absolute(folder / kGivenFile), threads};
    Outcome outcome;
    outcome.folder = folder;
    bool new_here = false;
    try {
      outcome = outcome_in(folder, search_.last_steps);
      if (outcome.state == TrialState::kWaiting || outcome.state == TrialState::kInterrupted) {
        new_here = true;
        fs::create_directories(folder);
        write_atomically(folder / kGivenFile,
                         to_toml(trial.config, "detoxml tune: " + trial.label));
        if (!take(train(order, place, watch_, stop_), order, outcome)) return std::nullopt;
      }
      if (search_.metric == Metric::kTestAccuracy && outcome.state == TrialState::kFinished) {
        new_here = new_here || !fs::exists(folder / kTestFile);
        if (!score(order, place, outcome)) return std::nullopt;
      }
    } catch (const std::exception& error) {
      outcome.state = TrialState::kFailed;
      outcome.message = as_error(error).what();
    }
    watch_.ended(trial.label, how_it_ended(outcome), new_here);
    return outcome;
  }

 private:
  /// False where the place is lost.
  bool take(const TrainEnd& end, const TrainOrder& order, Outcome& outcome) const {
    switch (end.how) {
      case TrainEnd::How::kEnded:
        outcome = outcome_in(outcome.folder, search_.last_steps);
        return true;
      case TrainEnd::How::kStopped:
        outcome.state = TrialState::kInterrupted;
        return true;
      case TrainEnd::How::kLost:
        watch_.lost(order.label, end.message);
        return false;
      case TrainEnd::How::kRefused:
      case TrainEnd::How::kFailed:
        break;
    }
    outcome.state = TrialState::kFailed;
    outcome.message = end.message;
    return true;
  }

  /// False where the place is lost.
  bool score(const TrainOrder& order, const Place& place, Outcome& outcome) const {
    const fs::path file = outcome.folder / kTestFile;
    const bool is_there = fs::exists(file);
    std::string line;
    if (is_there) {
      line = text_of(read_file(file));
    } else {
      const auto steps = list_checkpoints(outcome.folder);
      if (steps.empty())
        throw InputError(fmt::format("{} holds no checkpoint", outcome.folder.string()));
      TrainEnd end;
      line = evaluate(order, model_path(order.folder, steps.back()), place, stop_, end);
      if (end.how == TrainEnd::How::kLost) {
        watch_.lost(order.label, end.message);
        return false;
      }
      if (end.how == TrainEnd::How::kStopped) {
        outcome.state = TrialState::kInterrupted;
        return true;
      }
      if (end.how != TrainEnd::How::kEnded) throw InputError("cannot be evaluated: " + end.message);
    }
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
    return true;
  }

  static std::string how_it_ended(const Outcome& outcome) {
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
  Pool pool{options.places, options.cores, options.threads};
  if (pool.places.empty()) pool.places.push_back({"", options.jobs});
  const TrialWorker worker(search, options, watch, stop);
  std::mutex mutex;  // of the outcomes
  bool news = false;
  const std::size_t left = do_all(
      search.trials.size(), pool, stop,
      [&](std::size_t trial, const Place& place, std::size_t threads) {
        auto outcome = worker.run(search.trials[trial], folders[trial], place, threads);
        if (!outcome) return false;
        const std::lock_guard lock(mutex);
        outcomes[trial] = std::move(*outcome);
        return news = true;
      },
      [&] {
        std::unique_lock lock(mutex);
        const std::vector<Outcome> so_far = news ? outcomes : std::vector<Outcome>();
        news = false;
        lock.unlock();
        if (!so_far.empty()) each(so_far);
        watch.look();
      });
  if (left > 0 && !stop) throw InputError("no host is reached any more; the same command goes on");
  return outcomes;
}

}  // namespace detox
