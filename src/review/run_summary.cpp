#include "review/run_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/counted.hpp"
#include "record/journal_reader.hpp"
#include "record/ledger.hpp"
#include "record/run_files.hpp"
#include "review/simulated_truth.hpp"
#include "round/verdict.hpp"
#include "stages/attack/attack.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostWorkers = 65535;

double median_of(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

PhaseSeconds median_seconds(const std::vector<StepMetrics>& steps) {
  PhaseSeconds median;
  std::vector<double> values;
  for (const auto phase : {&PhaseSeconds::broadcast, &PhaseSeconds::compute, &PhaseSeconds::receive,
                           &PhaseSeconds::vote, &PhaseSeconds::aggregate, &PhaseSeconds::update,
                           &PhaseSeconds::commit, &PhaseSeconds::total}) {
    values.clear();
    for (const StepMetrics& step : steps) values.push_back(step.seconds.*phase);
    median.*phase = median_of(values);
  }
  return median;
}

void count_slices(const RunMetrics& metrics, const std::optional<Plan>& plan, RunSummary& summary) {
  for (const StepMetrics& step : metrics.steps) {
    summary.slices += step.resolved + step.unresolved;
    summary.unresolved += step.unresolved;
    summary.skipped += step.skipped ? 1 : 0;
    if (!step.skipped)
      summary.used +=
          std::min<std::uint64_t>(step.resolved, plan ? plan->num_aggregate : step.resolved);
    if (step.corrupted) summary.corrupted = summary.corrupted.value_or(0) + *step.corrupted;
  }
}

void take_evaluations(const std::vector<Evaluation>& evaluations, RunSummary& summary) {
  if (evaluations.empty()) return;
  summary.final_test = evaluations.back();
  summary.best_test = *std::ranges::max_element(evaluations, {}, &Evaluation::prec1);
}

/// What the ledger holds, once through.
struct LedgerCounts {
  Ledger totals;
  std::map<std::uint32_t, std::uint64_t> convicted;  ///< worker to the last step
};

LedgerCounts read_ledger(const fs::path& file, std::size_t workers, AttackersTally& tally) {
  LedgerCounts counts{Ledger(workers), {}};
  JournalReader journal(file);
  journal.read_on([&](std::string_view line) {
    const std::optional<Observation> seen = observation(line, workers);
    if (!seen) journal.refuse("a run's ledger");
    tally.add(*seen);
    const std::uint64_t step = step_of_round(seen->round);
    counts.totals.add({step, seen->slice, seen->worker, seen->kind});
    if (seen->kind == Suspicion::kConvicted) counts.convicted[seen->worker] = step;
  });
  return counts;
}

/// Whether it can be known who was made to lie.
bool read_attackers(const fs::path& folder, std::size_t workers,
                    const std::optional<RunConfig>& config, const std::optional<Plan>& plan,
                    AttackersTally& tally) {
  const fs::path file = folder / kAttackersFile;
  if (!fs::exists(file)) {
    if (!plan) return false;
    const auto truth = simulated_truth(folder, *config, *plan);
    for (const RecordedLies& lies : truth.value_or(std::vector<RecordedLies>())) tally.add(lies);
    return truth.has_value();
  }
  JournalReader journal(file);
  journal.read_on([&](std::string_view line) {
    const std::optional<RecordedLies> lies = recorded_lies(line, workers);
    if (!lies) journal.refuse("a run's simulated attackers");
    tally.add(*lies);
  });
  return true;
}

/// Whether the simulated attackers of one step are others than those of the next.
bool liars_change(const Plan& plan) {
  return plan.attack.schedule == FailSchedule::kPerStep ||
         (plan.attack.schedule == FailSchedule::kWorstCase && plan.random_placement);
}

bool only_delays(const Plan& plan) {
  return find_attack(plan.attack.attack).make(plan.attack.options)->delay_s() > 0;
}

Detection detection_of(const AttackersFound& found, const Plan& plan,
                       const std::vector<std::uint32_t>& named) {
  Detection detection{.lies = found.lies, .rightly = found.rightly, .wrongly = found.wrongly};
  if (only_delays(plan)) {
    detection.lies = detection.rightly = 0;
    detection.wrongly += found.rightly;
    return detection;
  }
  detection.liars_stay = !liars_change(plan);
  detection.liars = found.liars.size();
  detection.named = named.size();
  detection.named_rightly =
      static_cast<std::size_t>(std::ranges::count_if(named, [&](std::uint32_t worker) {
        return std::ranges::binary_search(found.liars, worker);
      }));
  return detection;
}

std::string convictions_line(const std::vector<Conviction>& convictions, std::uint64_t steps) {
  if (convictions.empty()) return fmt::format("nobody was convicted in {}", counted(steps, "step"));
  std::vector<std::string> each;
  constexpr std::size_t kNamed = 30;
  for (std::size_t i = 0; i < std::min(convictions.size(), kNamed); ++i) {
    const Conviction& one = convictions[i];
    each.push_back(fmt::format("worker {} in step {}", one.worker + 1, one.step));
  }
  if (convictions.size() > kNamed)
    each.push_back(fmt::format("{} more", convictions.size() - kNamed));
  return fmt::format("convicted: {}", fmt::join(each, ", "));
}

/// As the run itself does at its end: nobody where other workers are made to lie in each step.
void judge(const Ledger& ledger, const Plan& plan, const RunMetrics& metrics, RunSummary& summary) {
  if (metrics.steps.empty()) {
    summary.verdict = "no step was taken";
    return;
  }
  if (plan.arbitrated) {
    summary.verdict = convictions_line(summary.convictions, metrics.steps.size());
    return;
  }
  const VerdictBasis basis{.seating = plan.seating(),
                           .liars = plan.q,
                           .random_placement = plan.random_placement,
                           .first_step = metrics.steps.front().step,
                           .last_step = metrics.steps.back().step};
  const bool corrupts = plan.attack.byzantine > 0 && !only_delays(plan);
  if (corrupts && liars_change(plan)) {
    summary.verdict = changing_liars_line(ledger, basis);
    return;
  }
  const Verdict verdict = judge_workers(ledger, basis);
  summary.verdict = verdict.line;
  summary.suspects = verdict.suspects;
}

}  // namespace

std::optional<double> RunSummary::answers_a_slice() const {
  if (used == 0) return std::nullopt;
  return static_cast<double>(costs.computed) / static_cast<double>(used);
}

RunSummary summarise_run(const fs::path& folder, std::uint64_t last_steps) {
  RunSummary summary;
  const RunStanding standing = standing_of(folder);
  summary.condition = standing.condition;
  summary.message = standing.message;
  const std::optional<RunConfig> config = config_of_run(folder);
  std::optional<Plan> plan;
  if (config) plan = plan_of_run(*config);
  const RunMetrics metrics = read_metrics(folder / kMetricsFile);
  if (last_steps == 0)
    last_steps = default_last_steps(metrics.steps.empty() ? 0 : metrics.steps.back().step);
  summary.training = summarise(metrics, last_steps);
  if (standing.condition == RunCondition::kDiverged) {
    // What its last steps still had for a loss is no result.
    summary.training.diverged = true;
    summary.training.loss.reset();
  }
  summary.costs = metrics.costs;
  summary.median_seconds = median_seconds(metrics.steps);
  count_slices(metrics, plan, summary);
  take_evaluations(read_evaluations(folder / kEvaluationsFile, metrics.backs), summary);

  const std::size_t workers = plan ? plan->workers : kMostWorkers;
  AttackersTally tally;
  const bool has_truth = read_attackers(folder, workers, config, plan, tally);
  const LedgerCounts ledger = read_ledger(folder / kLedgerFile, workers, tally);
  std::vector<std::uint32_t> convicted;
  for (const auto& [worker, step] : ledger.convicted) {
    summary.convictions.push_back({worker, step});
    convicted.push_back(worker);
  }
  if (!plan) return summary;
  judge(ledger.totals, *plan, metrics, summary);
  if (has_truth) {
    summary.detection =
        detection_of(tally.found(), *plan, plan->arbitrated ? convicted : summary.suspects);
  }
  return summary;
}

}  // namespace detox
