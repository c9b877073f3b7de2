#include "report/csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <optional>
#include <vector>

#include "base/assert.hpp"
#include "base/csv_field.hpp"
#include "base/file.hpp"
#include "base/round_number.hpp"
#include "detox/errors.hpp"
#include "record/attackers_file.hpp"
#include "record/journal_reader.hpp"
#include "record/rounds_file.hpp"
#include "record/run_files.hpp"
#include "review/evaluations.hpp"
#include "review/metrics.hpp"
#include "review/standing.hpp"

namespace detox {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostWorkers = 65535;

/// Any number as readers of CSV take it; the shortest text that is read back as the same.
std::string number(double value) {
  if (std::isnan(value)) return "nan";
  return fmt::format("{}", value);
}

std::string number(const std::optional<double>& value) { return value ? number(*value) : ""; }

std::string_view flag(bool value) { return value ? "true" : "false"; }

/// Workers as people and the files count them.
std::string workers_text(std::vector<std::uint32_t> workers) {
  for (std::uint32_t& worker : workers) ++worker;
  return fmt::format("{}", fmt::join(workers, " "));
}

void metrics_rows(const fs::path& run, const std::string& name, const CsvSink& sink) {
  for (const StepMetrics& step : read_metrics(run / kMetricsFile).steps) {
    std::string row = fmt::format("{},{},{},{},{},{}", name, step.step, step.attempt,
                                  number(step.lr), number(step.loss), number(step.accuracy));
    for (const auto& [phase, seconds] : kPhases) row += "," + number(step.seconds.*seconds);
    sink(fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", row, step.bytes_in, step.bytes_out,
                     step.computed, step.resolved, step.unresolved,
                     step.corrupted ? std::to_string(*step.corrupted) : "", flag(step.skipped),
                     flag(step.diverged), csv_field(step.skipped_because)));
  }
}

void rounds_rows(const fs::path& run, const std::string& name, const CsvSink& sink) {
  const fs::path file = run / kRoundsFile;
  if (!fs::exists(file)) return;
  std::vector<std::byte> bytes = read_file(file);
  if (bytes.empty()) return;
  const std::optional<RunConfig> config = config_of_run(run);
  if (!config)
    throw InputError(fmt::format("{} has no {}, which says how many workers and slices there are",
                                 run.string(), kConfigFile));
  const Plan plan = plan_of_run(*config);
  const RecordedRounds rounds(file.string(), std::move(bytes), plan.workers, plan.k);
  for (std::uint64_t number = rounds.first_step(); number <= rounds.last_step(); ++number) {
    const RecordedStep step = rounds.at(number);
    for (std::size_t slice = 0; slice < step.slices.size(); ++slice) {
      const RecordedSlice& recorded = step.slices[slice];
      sink(fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", name, step.step, step.attempt,
                       flag(step.skipped), slice, workers_text(recorded.assigned),
                       workers_text(recorded.counted), flag(recorded.used),
                       workers_text(recorded.more), flag(recorded.by_server)));
    }
  }
}

void ledger_rows(const fs::path& run, const std::string& name, const CsvSink& sink) {
  JournalReader journal(run / kLedgerFile);
  journal.read_on([&](std::string_view line) {
    const std::optional<Observation> seen = observation(line, kMostWorkers);
    if (!seen) journal.refuse("a run's ledger");
    sink(fmt::format("{},{},{},{},{},{},{}\r\n", name, step_of_round(seen->round),
                     attempt_of_round(seen->round), seen->slice, seen->worker + 1,
                     suspicion_name(seen->kind), flag(is_accusation(seen->kind))));
  });
}

void evaluation_rows(const fs::path& run, const std::string& name, const CsvSink& sink) {
  const std::vector<TakenBack> backs = read_metrics(run / kMetricsFile).backs;
  for (const Evaluation& scored : read_evaluations(run / kEvaluationsFile, backs)) {
    sink(fmt::format("{},{},{},{},{}\r\n", name, scored.step, number(scored.loss),
                     number(scored.prec1), number(scored.prec5)));
  }
}

}  // namespace

std::string csv_header(CsvTable table) {
  switch (table) {
    case CsvTable::kMetrics:
      return "run,step,attempt,lr,loss,accuracy,seconds_broadcast,seconds_compute,seconds_receive,"
             "seconds_vote,seconds_aggregate,seconds_update,seconds_commit,seconds_total,bytes_in,"
             "bytes_out,computed,resolved,unresolved,corrupted,skipped,diverged,skipped_because"
             "\r\n";
    case CsvTable::kRounds:
      return "run,step,attempt,skipped,slice,assigned,counted,used,more,server\r\n";
    case CsvTable::kLedger:
      return "run,step,attempt,slice,worker,kind,accusation\r\n";
    case CsvTable::kEvaluation:
      return "run,step,loss,prec1,prec5\r\n";
  }
  DETOX_ASSERT(false);
}

void write_csv(CsvTable table, const fs::path& run, const std::string& name, const CsvSink& sink) {
  const std::string field = csv_field(name);
  switch (table) {
    case CsvTable::kMetrics:
      return metrics_rows(run, field, sink);
    case CsvTable::kRounds:
      return rounds_rows(run, field, sink);
    case CsvTable::kLedger:
      return ledger_rows(run, field, sink);
    case CsvTable::kEvaluation:
      return evaluation_rows(run, field, sink);
  }
}

}  // namespace detox
