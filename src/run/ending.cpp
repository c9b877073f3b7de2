#include "run/ending.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/as_error.hpp"
#include "base/clock.hpp"
#include "base/counted.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/shell_line.hpp"
#include "detox/errors.hpp"
#include "record/attackers_file.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"
#include "round/verdict.hpp"
#include "run/evaluator.hpp"
#include "run/kept_scores.hpp"

namespace detox {
namespace {

/// As `evaluate` has them, but fewer where images are large: each thread holds as many.
constexpr std::size_t kMostSamplesAtOnce = 1000;
constexpr double kLongSeconds = 5;
constexpr std::size_t kMostValuesAtOnce = kMostSamplesAtOnce * 32 * 32 * 3;

/// Whether the simulated attackers of one step are others than those of the next.
bool liars_change(const Plan& plan) {
  return plan.attack.schedule == FailSchedule::kPerStep ||
         (plan.attack.schedule == FailSchedule::kWorstCase && plan.random_placement);
}

/// The simulation's truth beside what the ledger says, and beside the verdict where its liars stay.
std::string truth_line(const TrainSetup& setup, const Adversary& adversary,
                       const std::vector<std::uint32_t>* suspects) {
  const AttackersFound found = find_attackers(setup.config.train_dir);
  if (adversary.delays()) {
    return fmt::format(
        "simulated workers that are late or silent ({}): they tell no lies; accused wrongly {} "
        "times",
        kAttackersFile, found.wrongly + found.rightly);
  }
  std::string line = fmt::format(
      "simulated lies ({}): accused rightly {}, missed {} of {}; accused wrongly {}",
      kAttackersFile, found.rightly, found.lies - found.rightly, found.lies, found.wrongly);
  if (suspects == nullptr) return line;
  const auto rightly =
      static_cast<std::size_t>(std::ranges::count_if(*suspects, [&](std::uint32_t worker) {
        return std::ranges::binary_search(found.liars, worker);
      }));
  return fmt::format("{}; suspected rightly {}, missed {} of {} liars, wrongly {}", line, rightly,
                     found.liars.size() - rightly, found.liars.size(), suspects->size() - rightly);
}

/// What was taken again because liars alone had said it.
std::string healing_line(const Healing& healing) {
  if (healing.attempt() == 0) return "no step was taken back";
  std::vector<std::string> each;
  std::uint64_t steps = 0;
  for (const auto& [from, to] : healing.backs()) {
    steps += from - to;
    each.push_back(fmt::format("from step {} to {}", from, to));
  }
  constexpr std::size_t kMost = 8;
  const std::size_t more = each.size() - std::min(each.size(), kMost);
  each.resize(each.size() - more);
  return fmt::format("went back {}{}: {} taken again", fmt::join(each, ", "),
                     more > 0 ? fmt::format(" and {} times more", more) : "",
                     counted(steps, "step"));
}

/// Who was convicted, when and by whose computing.
void tell_convictions(const TrainSetup& setup, const Training& training,
                      const Adversary& adversary) {
  const Evictions& evictions = *training.evictions();
  const std::vector<std::uint32_t> convicted = evictions.convicted();
  std::vector<std::string> each;
  each.reserve(convicted.size());
  for (const std::uint32_t worker : convicted) {
    each.push_back(fmt::format("worker {} in step {}{}", worker + 1, evictions.first_step(worker),
                               evictions.is_out(worker) ? "" : " (still in)"));
  }
  const bool by_server = setup.plan.arbitrated->by_server;
  log_line(
      each.empty()
          ? fmt::format("nobody was convicted in {}",
                        counted(training.last_step() + 1 - training.first_step(), "step"))
          : fmt::format("convicted by {}: {}",
                        by_server ? "the server's own computing" : "more than q workers' computing",
                        fmt::join(each, ", ")));
  if (setup.plan.arbitrated->heals) log_line(healing_line(training.healing()));
  log_line(
      fmt::format("{} without a conviction: a liar of one lie in {} would still be in with {:.2g}%",
                  counted(training.quiet_steps(), "step"), Training::kSeldom,
                  100 * training.undetected_share()));
  if (training.server_was_alone() > 0) {
    log_warning("of {} nobody had said what the server computed",
                counted(training.server_was_alone(), "piece"));
  }
  if (!adversary.active()) return;
  try {
    log_line(truth_line(setup, adversary, &convicted));
  } catch (const InputError& error) {
    log_warning("what the simulated attackers did cannot be told: {}", error.what());
  }
}

/// InputError where there is no test set for this network.
std::string score_line(const TrainSetup& setup, const Environment& environment,
                       const ModelState& model, ThreadPool& pool) {
  const RunConfig& config = setup.config;
  const auto begin = Clock::real().now();
  const std::unique_ptr<Dataset> data = environment.load_data(config, Split::kTest);
  if (data->shape() != setup.data->shape() || data->classes() != setup.data->classes()) {
    throw InputError(fmt::format("the test set has {} classes, the training set {}",
                                 data->classes(), setup.data->classes()));
  }
  const auto line_of = [&](const Score& score, const std::string& more) {
    return fmt::format("test accuracy {:.2f}% of {} images, loss {:.4f} ({})", score.prec1,
                       data->size(), score.loss, more);
  };
  KeptScores kept(config.train_dir, *data,
                  setup.layout.source.empty() ? config.network : setup.layout.source);
  const std::string digest = digest_of_file(model_path(config.train_dir, setup.last_step));
  if (const auto score = kept.find(setup.last_step, digest))
    return line_of(*score, fmt::format("scored before: {}", kEvaluationsFile));
  const std::size_t batch = std::clamp<std::size_t>(
      kMostValuesAtOnce / std::max<std::size_t>(1, data->shape().values()), 1, kMostSamplesAtOnce);
  Evaluator evaluator(*data, setup.make_learner, batch, pool);
  std::atomic<bool> is_told{false};
  const auto tell_long = [&](std::size_t done, std::size_t batches) {
    if (Clock::real().seconds_since(begin) < kLongSeconds || done == batches ||
        is_told.exchange(true)) {
      return;
    }
    log_info("{} of {} parts of the test set are scored; --no-evaluate or Ctrl-C skips that", done,
             batches);
  };
  const std::optional<Score> score = evaluator.score(model, environment.stop, tell_long);
  if (!score) return "the test accuracy was not waited for";
  kept.keep(setup.last_step, digest, *score);
  return line_of(*score,
                 fmt::format("{:.1f} s; --no-evaluate", Clock::real().seconds_since(begin)));
}

std::string next_command(const TrainSetup& setup) {
  return shell_line({"detoxml", "evaluate", "--model-dir", setup.config.train_dir});
}

}  // namespace

void tell_verdict(const TrainSetup& setup, const Training& training, const Adversary& adversary) {
  const Plan& plan = setup.plan;
  if (setup.replay || training.last_step() < training.first_step()) return;
  const VerdictBasis basis{.seating = plan.seating(),
                           .liars = plan.q,
                           .random_placement = plan.random_placement,
                           .first_step = training.first_step(),
                           .last_step = training.last_step()};
  const std::string since =
      basis.first_step > 1 ? fmt::format("since step {}: ", basis.first_step) : "";
  if ((plan.is_lazy || plan.arbitrated) && training.used() > 0) {
    log_line(fmt::format(
        "{}computed {} answers for {} pieces that were used: {:.2f} a piece", since,
        training.computed(), training.used(),
        static_cast<double>(training.computed()) / static_cast<double>(training.used())));
  }
  if (training.evictions() != nullptr) return tell_convictions(setup, training, adversary);
  const bool changes = adversary.corrupts() && liars_change(plan);
  const Verdict verdict = judge_workers(training.ledger(), basis);
  log_line(since + (changes ? changing_liars_line(training.ledger(), basis) : verdict.line));
  if (plan.r == 1) {
    const std::string line =
        rejections_line(training.rejections(), plan.hierarchy.outer_rule->name);
    if (!line.empty()) log_line(since + line);
  }
  if (!adversary.active()) return;
  try {
    log_line(truth_line(setup, adversary, changes ? nullptr : &verdict.suspects));
  } catch (const InputError& error) {
    log_warning("what the simulated attackers did cannot be told: {}", error.what());
  }
}

void tell_score(const TrainSetup& setup, const Environment& environment, const ModelState& model,
                ThreadPool& pool) {
  if (setup.replay) return;
  try {
    if (!setup.config.no_evaluate) log_line(score_line(setup, environment, model, pool));
  } catch (const std::exception& error) {
    log_info("no test accuracy: {}", as_error(error).what());
  }
  log_info("next: {}", next_command(setup));
}

}  // namespace detox
