#include "experiment/experiment_runner.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "base/as_error.hpp"
#include "base/atomic_file.hpp"
#include "base/clock.hpp"
#include "detox/errors.hpp"
#include "experiment/train_process.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using Todo = PlannedRun::Todo;

/// How a planned run has ended, and its numbers.
struct Ended {
  ResultState state = ResultState::kWaiting;
  std::string message;
  RunSummary summary;
};

bool has_numbers(ResultState state) {
  return state == ResultState::kFinished || state == ResultState::kDiverged ||
         state == ResultState::kInterrupted;
}

Ended ended_as(const PlannedRun& planned) {
  Ended ended{planned.state, planned.message, {}};
  try {
    if (has_numbers(ended.state)) ended.summary = summarise_run(planned.folder);
  } catch (const InputError& error) {
    ended = {ResultState::kFailed, error.what(), {}};
  }
  return ended;
}

std::string in_words(const Ended& ended) {
  constexpr double kPercent = 100;
  const RunSummary& summary = ended.summary;
  std::string text(to_string(ended.state));
  if (!ended.message.empty()) return fmt::format("{}: {}", text, ended.message);
  if (ended.state != ResultState::kFinished && ended.state != ResultState::kDiverged) return text;
  if (summary.final_test)
    return fmt::format("{}, test accuracy {:.2f}%", text, summary.final_test->prec1);
  if (summary.training.accuracy)
    text += fmt::format(", training accuracy {:.2f}%", kPercent * *summary.training.accuracy);
  return text;
}

Results rows_of(const ExperimentTask& task, const ExperimentPlan& plan,
                const std::vector<Ended>& ended) {
  Results results{task.experiment.name, task.command, {}, {}};
  for (const Axis& axis : task.experiment.axes) {
    results.axes.push_back({axis.name, {}});
    for (const AxisValue& value : axis.values) results.axes.back().values.push_back(value.name);
  }
  for (std::size_t i = 0; i < task.runs.size(); ++i) {
    const ExperimentRun& run = task.runs[i];
    const std::size_t number = plan.of_run[i];
    ResultRow row;
    for (std::size_t axis = 0; axis < run.cell.size(); ++axis)
      row.values.push_back(results.axes[axis].values[run.cell[axis]]);
    row.seed = run.seed;
    row.key = run.key;
    row.folder = plan.planned[number].folder.lexically_relative(task.dir);
    row.state = ended[number].state;
    row.message = ended[number].message;
    row.summary = ended[number].summary;
    results.rows.push_back(std::move(row));
  }
  return results;
}

/// One run at a time, on one thread.
class RunWorker {
 public:
  RunWorker(const ExperimentTask& task, Watch& watch, const std::atomic<bool>& stop)
      : task_(task), watch_(watch), stop_(stop) {}

  /// Whatever goes wrong is how it ended. Empty where the place is lost.
  std::optional<Ended> run(PlannedRun planned, const Place& place, std::size_t threads) const {
    const ExperimentRun& run = task_.runs[planned.run];
    const bool new_here = planned.todo != Todo::kNothing;
    Ended ended;
    try {
      const TrainOrder order{task_.program, run.label, fs::absolute(planned.folder),
                             fs::absolute(planned.folder / kGivenConfigFile), threads};
      if (planned.todo == Todo::kTrain) {
        if (!take(begin(run, order, place), order, run, planned)) return std::nullopt;
      }
      if (planned.todo == Todo::kScore) {
        if (!score(order, run, place, planned)) return std::nullopt;
      }
      ended = ended_as(planned);
    } catch (const std::exception& error) {
      ended = {ResultState::kFailed, as_error(error).what(), {}};
    }
    watch_.ended(run.label, in_words(ended), new_here);
    return ended;
  }

 private:
  TrainEnd begin(const ExperimentRun& run, const TrainOrder& order, const Place& place) const {
    fs::create_directories(order.folder);
    write_key_note(order.folder, {run.label, run.identity});
    write_atomically(order.config,
                     to_toml(run.config, fmt::format("{}: {}", task_.experiment.name, run.label)));
    return train(order, place, watch_, stop_);
  }

  /// False where the place is lost.
  bool take(const TrainEnd& end, const TrainOrder& order, const ExperimentRun& run,
            PlannedRun& planned) const {
    const bool has_failed = end.how == TrainEnd::How::kFailed || end.how == TrainEnd::How::kRefused;
    const RunCondition condition =
        has_failed ? standing_of(order.folder).condition : RunCondition::kAbsent;
    // What was waited for may have ended by itself, and left nothing to be done.
    const bool is_there =
        condition == RunCondition::kFinished || condition == RunCondition::kDiverged;
    switch (is_there ? TrainEnd::How::kEnded : end.how) {
      case TrainEnd::How::kEnded: {
        const std::size_t number = planned.run;
        planned = standing_in(planned.folder, run);
        planned.run = number;
        if (planned.todo == Todo::kTrain) {
          planned.state = ResultState::kFailed;
          planned.message = "ended without a result";
        }
        return true;
      }
      case TrainEnd::How::kStopped:
        planned.state = ResultState::kInterrupted;
        return true;
      case TrainEnd::How::kLost:
        watch_.lost(order.label, end.message);
        return false;
      case TrainEnd::How::kRefused:
      case TrainEnd::How::kFailed:
        break;
    }
    // A run that had begun is refused for another reason than its defence.
    const bool is_new = end.is_undefended || !has_checkpoint_files(order.folder);
    const bool refused = end.how == TrainEnd::How::kRefused && is_new &&
                         (condition == RunCondition::kAbsent || condition == RunCondition::kFailed);
    planned.state = refused ? ResultState::kRefused : ResultState::kFailed;
    KeyNote note{run.label, run.identity};
    (refused ? note.refused : note.failed) = end.message;
    write_key_note(order.folder, note);
    planned.message = end.message;
    return true;
  }

  /// Scores all checkpoints; then the newest one may stay alone. False where the place is lost.
  bool score(const TrainOrder& order, const ExperimentRun& run, const Place& place,
             PlannedRun& planned) const {
    TrainEnd end;
    evaluate(order, order.folder, place, stop_, end);
    if (end.how == TrainEnd::How::kLost) {
      watch_.lost(order.label, end.message);
      return false;
    }
    if (end.how == TrainEnd::How::kStopped) {
      planned.state = ResultState::kInterrupted;  // what was scored so far is no result
      return true;
    }
    if (end.how != TrainEnd::How::kEnded) throw InputError("cannot be scored: " + end.message);
    if (run.keeps_newest_alone && planned.state == ResultState::kFinished)
      prune_checkpoints(order.folder, 1);
    return true;
  }

  const ExperimentTask& task_;
  Watch& watch_;
  const std::atomic<bool>& stop_;
};

}  // namespace

Results carry_out(const ExperimentTask& task, const ExperimentPlan& plan, const Pool& pool,
                  Watch& watch, const std::atomic<bool>& stop,
                  const std::function<void(const Results&)>& each) {
  constexpr double kSecondsBetweenResults = 5;
  std::vector<Ended> ended(plan.planned.size());
  std::vector<std::size_t> to_do;
  for (std::size_t i = 0; i < ended.size(); ++i) {
    const PlannedRun& planned = plan.planned[i];
    ended[i].state = planned.todo == Todo::kScore ? ResultState::kInterrupted : planned.state;
    ended[i].message = planned.message;
    if (planned.todo != Todo::kNothing) {
      to_do.push_back(i);
      continue;
    }
    ended[i] = ended_as(planned);
    watch.ended(task.runs[planned.run].label, in_words(ended[i]),
                planned.state == ResultState::kRefused);
  }
  const RunWorker worker(task, watch, stop);
  std::mutex mutex;  // of what has ended
  bool news = false;
  auto latest = Clock::real().now();
  const std::size_t left = do_all(
      to_do.size(), pool, stop,
      [&](std::size_t number, const Place& place, std::size_t threads) {
        const std::size_t i = to_do[number];
        auto how = worker.run(plan.planned[i], place, threads);
        if (!how) return false;
        const std::lock_guard lock(mutex);
        ended[i] = std::move(*how);
        return news = true;
      },
      [&] {
        watch.look();
        if (Clock::real().seconds_since(latest) < kSecondsBetweenResults) return;
        std::unique_lock lock(mutex);
        const bool is_new = std::exchange(news, false);
        const Results so_far = is_new ? rows_of(task, plan, ended) : Results();
        lock.unlock();
        if (is_new) each(so_far);
        latest = Clock::real().now();
      });
  if (left > 0 && !stop) throw InputError("no host is reached any more; the same command goes on");
  return rows_of(task, plan, ended);
}

}  // namespace detox
