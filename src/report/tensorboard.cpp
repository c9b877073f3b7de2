#include "report/tensorboard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/atomic_file.hpp"
#include "base/round_number.hpp"
#include "detox/errors.hpp"
#include "record/journal_reader.hpp"
#include "record/run_files.hpp"
#include "report/event_log.hpp"
#include "report/scalars.hpp"

namespace detox {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostRanks = 65535;

Observation observed(const JournalReader& journal, std::string_view line) {
  const std::optional<Observation> seen = observation(line, kMostRanks);
  if (!seen) journal.refuse("a run's ledger");
  return *seen;
}

void append(std::vector<Scalar> more, std::vector<Scalar>& scalars) {
  std::ranges::move(more, std::back_inserter(scalars));
}

/// By round, as they are booked while the run goes on: late ones are of an earlier step.
std::vector<Observation> sorted_ledger(const fs::path& file) {
  std::vector<Observation> entries;
  JournalReader journal(file);
  journal.read_on([&](std::string_view line) {
    const Observation seen = observed(journal, line);
    if (is_accusation(seen.kind)) entries.push_back(seen);
  });
  std::ranges::stable_sort(entries, {}, &Observation::round);
  return entries;
}

}  // namespace

struct LiveEvents::Parts {
  Parts(const fs::path& run, std::uint64_t first_step)
      : evaluations_file(run / kEvaluationsFile),
        reader(run / kMetricsFile),
        ledger(run / kLedgerFile),
        log(run),
        logged_step(first_step - 1) {}

  void read();
  bool log_news();
  bool log_evaluations();

  fs::path evaluations_file;
  fs::file_time_type evaluations_written;
  MetricsReader reader;
  RunMetrics metrics;
  JournalReader ledger;
  Accusations accusations;
  EventLog log;
  std::uint64_t logged_step;
  std::size_t logged_backs = 0;
  std::uint64_t logged_evaluation = 0;
  bool has_told = false;
};

LiveEvents::LiveEvents(const fs::path& run, std::uint64_t first_step)
    : parts_(std::make_unique<Parts>(run, first_step)) {
  parts_->reader.read_on(parts_->metrics);
  parts_->logged_backs = parts_->metrics.backs.size();
  if (!parts_->log.start(first_step)) throw InputError(parts_->log.last_error());
}

LiveEvents::~LiveEvents() = default;

std::string LiveEvents::read_on() {
  std::string why;
  try {
    parts_->read();
    if (parts_->log_news() && parts_->log_evaluations()) {
      parts_->has_told = false;
      return {};
    }
    why = parts_->log.last_error();
  } catch (const InputError& error) {
    why = error.what();
  }
  return std::exchange(parts_->has_told, true) ? std::string() : why;
}

void LiveEvents::Parts::read() {
  reader.read_on(metrics);
  ledger.read_on([&](std::string_view line) { accusations.add(observed(ledger, line)); });
}

bool LiveEvents::Parts::log_news() {
  while (logged_backs < metrics.backs.size()) {
    logged_step = metrics.backs[logged_backs].to;
    logged_evaluation = std::min(logged_evaluation, logged_step);
    if (!log.start(logged_step + 1)) return false;
    ++logged_backs;
  }
  const auto next = std::ranges::upper_bound(metrics.steps, logged_step, {}, &StepMetrics::step);
  for (auto step = next; step != metrics.steps.end(); ++step) {
    std::vector<Scalar> scalars = scalars_of(*step);
    append(accusations.scalars(), scalars);
    if (!log.add(step->step, std::move(scalars))) return false;
    logged_step = step->step;
  }
  return true;
}

/// Of a process that scores the checkpoints beside this one.
bool LiveEvents::Parts::log_evaluations() {
  std::error_code none;
  const fs::file_time_type written = fs::last_write_time(evaluations_file, none);
  if (none || written == evaluations_written) return true;
  evaluations_written = written;
  for (const Evaluation& scored : read_evaluations(evaluations_file, metrics.backs)) {
    if (scored.step <= logged_evaluation || scored.step > logged_step) continue;
    if (!log.add(scored.step, scalars_of(scored))) return false;
    logged_evaluation = scored.step;
  }
  return true;
}

void export_tensorboard(const fs::path& run, const fs::path& folder) {
  const RunMetrics metrics = read_metrics(run / kMetricsFile);
  const std::vector<Observation> ledger = sorted_ledger(run / kLedgerFile);
  const std::vector<Evaluation> evaluations =
      read_evaluations(run / kEvaluationsFile, metrics.backs);
  std::string events = event_record({EventKind::kFileVersion, 0});
  Accusations accusations;
  auto entry = ledger.begin();
  auto scored = evaluations.begin();
  double seconds = 0;
  for (const StepMetrics& step : metrics.steps) {
    seconds += step.seconds.total;
    const std::uint64_t round = round_number(step.attempt, step.step);
    for (; entry != ledger.end() && entry->round <= round; ++entry) accusations.add(*entry);
    std::vector<Scalar> scalars = scalars_of(step);
    append(accusations.scalars(), scalars);
    events += event_record({EventKind::kScalars, seconds, step.step, std::move(scalars)});
    for (; scored != evaluations.end() && scored->step <= step.step; ++scored)
      events += event_record({EventKind::kScalars, seconds, scored->step, scalars_of(*scored)});
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw InputError(fmt::format("{}: {}", folder.string(), error.message()));
  write_atomically(folder / fmt::format("{}{:010}.detoxml", kEventFiles, 0), events);
}

}  // namespace detox
