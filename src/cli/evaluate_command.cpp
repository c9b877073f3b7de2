// `detoxml evaluate`: scores the checkpoints of a run, once or while it goes on in another process.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/cores.hpp"
#include "base/file.hpp"
#include "base/json_number.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/signals.hpp"
#include "cli/command.hpp"
#include "cli/train_options.hpp"
#include "detox/errors.hpp"
#include "learn/learner_file.hpp"
#include "learn/network_path.hpp"
#include "record/checkpoint.hpp"
#include "record/checkpoint_files.hpp"
#include "record/journal.hpp"
#include "record/pretrained.hpp"
#include "record/run_directory.hpp"
#include "record/run_files.hpp"
#include "run/evaluator.hpp"
#include "run/kept_scores.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
constexpr auto kPoll = std::chrono::milliseconds(200);

struct EvaluateOptions {
  std::string model = "output/models";
  std::size_t batch_size = 1000, eval_freq = 0, threads = 0;
  std::optional<double> timeout_s;  ///< 600
  bool follow = false, json = false, again = false;
  std::optional<std::string> network, dataset, data_dir;
  std::string learner;
  std::optional<std::size_t> image_size;
};

/// What the user says and what the run recorded must agree; either may be silent.
std::string agreed(std::string_view option, const std::optional<std::string>& given,
                   const std::optional<RunConfig>& run, std::string RunConfig::*field,
                   const std::string& otherwise) {
  if (!run) return given.value_or(otherwise);
  const std::string& recorded = (*run).*field;
  if (given && canonical_name(*given) != canonical_name(recorded)) {
    throw UsageError(
        fmt::format("--{} is {}, but the run was configured with {}", option, *given, recorded));
  }
  return recorded;
}

class Scoring {
 public:
  explicit Scoring(const EvaluateOptions& options)
      : options_(options),
        folder_(fs::is_directory(options.model) ? fs::path(options.model)
                                                : fs::path(options.model).parent_path()),
        pool_(options.threads > 0 ? options.threads : usable_cores()) {}

  int run() {
    const int code = score_what_is_asked();
    if (found_ > 0) {
      log_info("{} scored before ({}); --again scores anew",
               found_ == 1 ? "one checkpoint was" : fmt::format("{} checkpoints were", found_),
               (folder_ / kEvaluationsFile).string());
    }
    return code;
  }

 private:
  int score_what_is_asked() {
    if (fs::is_directory(options_.model) || options_.follow)
      return options_.follow ? follow() : score_all();
    if (!fs::exists(options_.model)) {
      throw InputError(fmt::format("--model-dir {}: no such file or directory", options_.model));
    }
    if (options_.eval_freq > 0)
      log_info("without effect: --eval-freq {} (this is one checkpoint)", options_.eval_freq);
    print(step_of_model(options_.model), options_.model);
    return 0;
  }

  /// To be scored a model needs no state beside it.
  int score_all() {
    const auto steps = list_models(folder_);
    if (steps.empty()) {
      throw InputError(
          fmt::format("{}: holds no checkpoint, a file {}", folder_.string(), kAnyModelFile));
    }
    for (const std::uint64_t step : steps) {
      if (is_wanted(step) || step == steps.back()) score_unless_gone(step);
    }
    return 0;
  }

  bool is_wanted(std::uint64_t step) const {
    return options_.eval_freq == 0 || step % options_.eval_freq == 0;
  }

  /// A run that keeps only its newest checkpoints may remove one while it is looked at.
  void score_unless_gone(std::uint64_t step) {
    const fs::path file = model_path(folder_, step);
    try {
      print(step, file);
    } catch (const InputError&) {
      if (fs::exists(file)) throw;
      log_info("{} is gone: the run keeps only its newest checkpoints, or has gone back",
               file.string());
    }
  }

  int follow() {
    folder_ = options_.model;
    const std::atomic<bool>& stop = stop_on_signals();
    auto news = Clock::real().now();
    while (!stop) {
      // The status is read first: a checkpoint that comes before the end is then never missed.
      const std::optional<RunStatus> status =
          fs::exists(folder_) ? read_status(folder_) : std::nullopt;
      const bool found = fs::exists(folder_) && score_new();
      if (!found && status && status->state != RunState::kRunning) return end_of(*status);
      const LockHolder user = user_of_run_directory(folder_);
      const bool in_use = user.state == LockHolder::State::kHeld;
      if (!found && status && user.state == LockHolder::State::kFree) {
        const std::optional<RunStatus> latest = read_status(folder_);
        if (!latest || latest->state != RunState::kRunning) continue;
        return end_of_killed(*latest);
      }
      // A run that goes on may take its time.
      if (found || in_use) news = Clock::real().now();
      if (Clock::real().seconds_since(news) > timeout_s_) {
        throw InputError(fmt::format("{}: nothing new for {:.0f} s (--timeout){}", folder_.string(),
                                     timeout_s_, user.in_words(folder_ / kLockFile)));
      }
      std::this_thread::sleep_for(kPoll);
    }
    return kInterruptedExitCode;
  }

  /// Scores the checkpoints that have come since the last call, but for those that --eval-freq
  /// leaves out; true where there were any. A run that goes back writes some of them again.
  bool score_new() {
    bool found = false;
    const std::vector<std::uint64_t> steps = list_checkpoints(folder_);
    for (const std::uint64_t step : steps) {
      std::error_code error;
      const fs::file_time_type time = fs::last_write_time(model_path(folder_, step), error);
      if (error || !seen_.emplace(step, time).second) continue;
      found = true;
      if (is_wanted(step)) score_unless_gone(step);
    }
    if (found) last_ = steps.back();
    return found;
  }

  /// Only the run's end tells which checkpoint is its last.
  void score_last() {
    if (last_ && !is_wanted(*last_)) score_unless_gone(*last_);
  }

  int end_of_killed(const RunStatus& status) {
    score_last();
    const auto journal_step = Journal::last_step(folder_ / kMetricsFile);
    throw InputError(fmt::format("{}: the run was killed at step {}", folder_.string(),
                                 std::max(status.step, journal_step.value_or(0))));
  }

  int end_of(const RunStatus& status) {
    score_last();
    if (status.state == RunState::kDiverged) {
      throw DivergedError(fmt::format("the run ended at step {}: {}", status.step, status.message));
    }
    if (status.state != RunState::kFailed) {
      log_info("the run {} at step {}",
               status.state == RunState::kFinished ? "finished" : "was interrupted", status.step);
      return 0;
    }
    throw InputError(fmt::format("the run failed at step {}: {}", status.step, status.message));
  }

  /// When the first checkpoint is there: a run that is followed may have yet to begin.
  void load_data() {
    if (data_) return;
    const fs::path recorded = (folder_.empty() ? "." : folder_) / kConfigFile;
    std::optional<RunConfig> run;
    if (fs::exists(recorded)) run = recorded_config(recorded);
    const RunConfig defaults;
    const std::string network =
        agreed("network", options_.network, run, &RunConfig::network, defaults.network);
    const std::string dataset =
        agreed("dataset", options_.dataset, run, &RunConfig::dataset, defaults.dataset);
    if (run && options_.image_size.value_or(run->image_size) != run->image_size) {
      throw UsageError(fmt::format("--image-size is {}, but the run was configured with {}",
                                   *options_.image_size, run->image_size));
    }
    const std::size_t image_size = options_.image_size.value_or((run ? *run : defaults).image_size);
    const std::string own_place = run ? run->data_dir : "";
    data_ = load_dataset(dataset, options_.data_dir.value_or(own_place), Split::kTest, image_size);
    if (data_->is_synthetic()) log_line(data_->name() + ": every image was generated");
    network_ = resolve_network(network);
    use_learner(options_.learner);
    if (run && options_.data_dir.value_or(own_place) != own_place &&
        !is_loaded(dataset, own_place, image_size)) {
      log_info("these are other data than the run's: their scores are not kept");
      return;
    }
    kept_.emplace(folder_, *data_, is_network_path(network_) ? digest_of_file(network_) : network_);
  }

  /// Whether the data that a run was configured with are those that were loaded from another place;
  /// they may be there alone.
  bool is_loaded(const std::string& dataset, const std::string& place, std::size_t image_size) {
    try {
      return load_dataset(dataset, place, Split::kTest, image_size)->digest() == data_->digest();
    } catch (const InputError&) {
      return true;
    }
  }

  Evaluator& evaluator() {
    if (!evaluator_) {
      evaluator_.emplace(
          *data_, [&] { return make_learner(network_, data_->shape(), data_->classes()); },
          options_.batch_size, pool_);
    }
    return *evaluator_;
  }

  Score score(std::optional<std::uint64_t> step, const fs::path& file) {
    load_data();
    if (!step) {
      Evaluator& scorer = evaluator();
      return scorer.score(load_foreign(file, scorer.layout()));
    }
    if (kept_ && !options_.again) {
      if (const auto found = kept_->find(*step, digest_of_file(file))) {
        ++found_;
        return *found;
      }
    }
    Evaluator& scorer = evaluator();
    std::string digest;
    const Score score = scorer.score(load_model(file, scorer.layout(), &digest));
    if (kept_) kept_->keep(*step, digest, score);
    return score;
  }

  void print(std::optional<std::uint64_t> step, const fs::path& file) {
    const Score score = this->score(step, file);
    if (options_.json) {
      nlohmann::json line = {
          {"loss", json_number(score.loss)}, {"prec1", score.prec1}, {"prec5", score.prec5}};
      line["step"] = step ? nlohmann::json(*step) : nlohmann::json(nullptr);
      fmt::print("{}\n", line.dump());
    } else {
      fmt::print("step {}  loss {:.4f}  Prec@1 {:.2f}%  Prec@5 {:.2f}%\n",
                 step ? fmt::format("{}", *step) : "-", score.loss, score.prec1, score.prec5);
    }
    std::fflush(stdout);
  }

  /// Weights that came from elsewhere.
  static ModelState load_foreign(const fs::path& file, const ModelLayout& layout) {
    const ModelState nothing{std::vector<float>(layout.parameter_count()),
                             std::vector<float>(layout.statistic_count()),
                             std::vector<std::int64_t>(layout.counter_count())};
    Pretrained read = load_pretrained(file, layout, nothing, /*fresh_head=*/false);
    for (const std::string& note : read.notes) log_info("{}: {}", file.string(), note);
    return std::move(read.model);
  }

  EvaluateOptions options_;
  fs::path folder_;
  ThreadPool pool_;
  std::unique_ptr<Dataset> data_;
  std::string network_;
  std::optional<Evaluator> evaluator_;
  std::optional<KeptScores> kept_;                               ///< empty for other data
  std::size_t found_ = 0;                                        ///< scores that were there
  std::set<std::pair<std::uint64_t, fs::file_time_type>> seen_;  ///< checkpoints
  std::optional<std::uint64_t> last_;                            ///< the newest of them
  double timeout_s_ = options_.timeout_s.value_or(600);
};

int evaluate(const EvaluateOptions& options) {
  const double timeout_s = options.timeout_s.value_or(0);
  if (!std::isfinite(timeout_s) || timeout_s < 0) {
    throw UsageError(fmt::format("--timeout {}: valid: seconds, at least 0", timeout_s));
  }
  if (options.timeout_s && !options.follow)
    log_info("without effect: --timeout {} (there is no --follow)", timeout_s);
  return Scoring(options).run();
}

}  // namespace

Command evaluate_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("evaluate", "score checkpoints on the whole test set");
  auto options = std::make_shared<EvaluateOptions>();
  app->add_option("--model-dir", options->model, "a run's directory, or one model_step_<t> file")
      ->capture_default_str()
      ->type_name("DIR|FILE");
  app->add_option("--eval-batch-size", options->batch_size, "samples in one forward pass")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(1, 1000000).description(""));
  app->add_flag("--follow", options->follow,
                "score checkpoints as they come, until the run has ended");
  app->add_option(
         "--eval-freq", options->eval_freq,
         "of a directory, score only the steps that are multiples of N, and the last one [all]")
      ->type_name("N");
  app->add_option("--timeout", options->timeout_s,
                  "with --follow: seconds to wait while no run goes on [600]")
      ->type_name("X");
  app->add_option("--network", options->network,
                  "the network [as the run was configured, else LeNet]")
      ->type_name("NETWORK|FILE");
  app->add_option("--dataset", options->dataset,
                  "the data set [as the run was configured, else FashionMNIST]")
      ->type_name("DATASET|DIR");
  app->add_option("--data-dir", options->data_dir,
                  "where the data lies [as the run was configured]")
      ->type_name("DIR");
  app->add_option("--learner", options->learner,
                  "the module that computes [DETOX_LEARNER, else the one that came with detoxml]")
      ->type_name("FILE");
  app->add_option("--image-size", options->image_size,
                  "the side of an image folder's images [as the run was configured, else 32]")
      ->type_name("N");
  app->add_option("--threads", options->threads, "threads [the cores that this process may use]")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  app->add_flag("--again", options->again,
                "score also checkpoints whose scores are there (evaluation.jsonl)");
  app->add_flag("--json", options->json,
                "print a JSON object for each checkpoint: step, loss, prec1, prec5");
  app->footer(
      "Examples:\n"
      "  detoxml evaluate --model-dir output/models\n"
      "  detoxml evaluate --model-dir output/models --follow\n"
      "  detoxml evaluate --model-dir output/models/model_step_1000");
  return {app, [options] { return evaluate(*options); }};
}

}  // namespace detox
