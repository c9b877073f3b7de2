#include "round/training.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/as_error.hpp"
#include "base/counted.hpp"
#include "base/finite.hpp"
#include "base/log.hpp"
#include "base/worker_names.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"
#include "record/step_record.hpp"

namespace detox {
namespace {

constexpr const char* kDivergedAt = "diverged_at";
constexpr const char* kConvicted = "convicted";

std::string_view text_fact(const TrainingState& state, const std::string& name) {
  const auto found = state.facts.find(name);
  return found == state.facts.end() ? std::string_view() : found->second;
}

std::uint64_t fact(const TrainingState& state, const std::string& name) {
  const auto found = state.facts.find(name);
  std::uint64_t value = 0;
  if (found != state.facts.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  }
  return value;
}

bool is_finite(const std::optional<double>& loss) { return !loss || std::isfinite(*loss); }

/// What was the first to be no longer finite, in words.
std::string what_diverged(const StepReport& report) {
  std::string what = fmt::format("the update at a learning rate of {} overflows", report.lr);
  if (!report.gradient_is_finite) what = "the aggregated gradient is not";
  if (!is_finite(report.loss)) what = "the loss is not";
  return fmt::format("the weights are not finite after step {}: {}", report.step, what);
}

}  // namespace

Training::Training(const TrainingOptions& options, ServerRound& round, const ModelLayout& layout,
                   Checkpoint start, RunDirectory& directory, SimulatedTruth truth)
    : options_(options),
      round_(round),
      layout_(layout),
      directory_(directory),
      model_(std::move(start.model)),
      state_(std::move(start.state)),
      healing_(text_fact(state_, kWentBack)),
      first_step_(state_.step + 1),
      deadline_(options.step_timeout_s, options.start_timeout_s),
      truth_(std::move(truth)),
      metrics_(directory.path() / kMetricsFile, this->round()),
      rounds_(directory.path() / kRoundsFile, this->round()),
      suspicions_(directory.path() / kLedgerFile, this->round()),
      latency_(directory.path() / kLatencyFile, round.workers(), options.config_digest,
               this->round()),
      ledger_(round.workers()),
      rejections_(round.workers()),
      progress_(state_.step + 1, options.last_step, options.log_interval, round.clock()) {
  const std::uint64_t here = this->round();
  if (truth_) attackers_.emplace(directory.path() / kAttackersFile, here);
  take_over_state();
  const std::filesystem::path commitments = directory.path() / kCommitmentsFile;
  if (options.commits) {
    commitments_.emplace(commitments, options.config_digest,
                         round.commit(state_.step, round_state()));
  } else {
    Journal::truncate_after(commitments, here);
  }
  Journal::truncate_after(directory.path() / kEvaluationsFile, here);
  if (options.evictions.workers > 0) open_evictions();
  open_attempts();
  signature_.emplace(directory.path() / kSignatureFile, options.sign_key,
                     commitments_ ? &*commitments_ : nullptr, here);
  if (state_.step > 0) saved_step_ = state_.step;
  // Of a program that did not look; at this step at the latest.
  if (!diverged_at_ && !all_finite(model_.parameters)) diverged_at_ = state_.step;
  tell_gaps();
}

/// What goes on from a checkpoint's.
void Training::take_over_state() {
  state_.momentum.resize(layout_.parameter_count());
  state_.config_digest = options_.config_digest;
  state_.profile = options_.profile;
  skipped_ = fact(state_, "skipped");
  skipped_in_row_ = fact(state_, "skipped_in_row");
  diverged_at_.reset();
  if (const std::uint64_t step = fact(state_, kDivergedAt); step > 0) diverged_at_ = step;
}

ServerRound::State Training::round_state() {
  return {.model = model_,
          .velocity = state_.momentum,
          .last_aggregate = state_.last_aggregate,
          .evictions = evictions(),
          .attempt = healing_.attempt(),
          .is_last_chance = skipped_here_ > 0 && skipped_here_ + 1 >= options_.max_skipped};
}

/// Who is out, and which attempt it is.
void Training::note_attempt(TrainingState& state) const {
  const std::string convicted = evictions_ ? evictions_->text() : "";
  if (!convicted.empty()) state.facts[kConvicted] = convicted;
  if (healing_.attempt() > 0) state.facts[kWentBack] = healing_.text();
}

std::uint64_t Training::used() const {
  return std::accumulate(used_.begin(), used_.end(), std::uint64_t{0});
}

void Training::open_evictions() {
  evictions_.emplace(options_.evictions, text_fact(state_, kConvicted), options_.convicted_on);
  for (const std::uint32_t worker : options_.readmitted) {
    if (evictions_->readmit(worker)) {
      readmitted_.push_back(worker);
      log_info("worker {} is taken in again", worker + 1);
    } else {
      log_warning("--readmit {}: this worker was not convicted", worker + 1);
    }
  }
  if (const std::string moved = evictions_->moved(); !moved.empty()) log_warning("{}", moved);
}

/// Lines are lost in a power failure, or where they do not fit on the disk. Of the ledger nobody
/// can say.
void Training::tell_gaps() const {
  if (latency_.is_begun_anew()) {
    log_warning("{} was none of this run's and begins anew",
                (directory_.path() / kLatencyFile).string());
  }
  for (const auto& [name, gaps] :
       {std::pair{kMetricsFile, &metrics_.gaps()}, std::pair{kRoundsFile, &rounds_.gaps()}}) {
    if (gaps->empty()) continue;
    std::vector<std::string> texts;
    for (const auto& [first, last] : *gaps)
      texts.push_back(first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last));
    log_warning("{} lacks steps {}: the lines were lost, the run goes on without them{}",
                (directory_.path() / name).string(), fmt::join(texts, ", "),
                gaps == &rounds_.gaps() ? "; --replay can repeat it up to the first of them" : "");
  }
}

RunEnd Training::run(const std::atomic<bool>& stop, const StepTaken& on_step) {
  write_status(RunState::kRunning);
  try {
    if (options_.heals) keep_beginning();
    if (options_.heals && options_.replay == nullptr) heal_what_was_before();
    take_steps(stop, on_step);
    progress_.clear();
    checkpoint(true);
  } catch (const DivergedError& error) {
    leave(RunState::kDiverged, error.what());
    throw;
  } catch (const std::exception& error) {
    leave(RunState::kFailed, as_error(error).what());
    throw;
  }
  if (diverged_at_) log_warning("the weights are not finite since step {}", *diverged_at_);
  const bool finished = state_.step >= options_.last_step;
  write_status(finished ? RunState::kFinished : RunState::kInterrupted);
  return finished ? RunEnd::kFinished : RunEnd::kInterrupted;
}

void Training::take_steps(const std::atomic<bool>& stop, const StepTaken& on_step) {
  while (state_.step < options_.last_step && !stop) {
    const std::uint64_t step = state_.step + 1;
    if (options_.replay != nullptr) follow_attempts(options_.replay->at(step).attempt);
    if (lost_.any()) record_back(healing_.attempt(), std::exchange(lost_, {}));
    const std::chrono::duration<double> limit(deadline_.seconds());
    StepReport report = round_.run(step, limit, round_state());
    if (report.interrupted) return;
    if (!readmitted_.empty()) report.readmitted = std::exchange(readmitted_, {});
    take_step(step, report, on_step);
  }
  if (options_.replay != nullptr && !stop) follow_attempts(last_attempt_back_to(state_.step));
}

void Training::leave(RunState state, const std::string& why) {
  progress_.clear();
  sync_journals();
  sign();
  try {
    write_status(state, why);
  } catch (const InputError& second) {
    log_warning("{}", second.what());  // the first error is the one to end with
  }
}

void Training::take_step(std::uint64_t step, const StepReport& report, const StepTaken& on_step) {
  state_.step = step;
  const bool skipped = !report.skipped_because.empty();
  skipped_ += skipped ? 1 : 0;
  skipped_in_row_ = skipped ? skipped_in_row_ + 1 : 0;
  skipped_here_ = skipped ? skipped_here_ + 1 : 0;
  state_.facts = {{"skipped", std::to_string(skipped_)},
                  {"skipped_in_row", std::to_string(skipped_in_row_)}};
  const bool are_put_out = evictions_ && convict(report);
  note_attempt(state_);
  const bool diverges = !report.weights_are_finite && !diverged_at_;
  if (diverges) diverged_at_ = step;
  if (diverged_at_) state_.facts[kDivergedAt] = std::to_string(*diverged_at_);
  // Where no slice has a majority, nothing says how long honest workers take.
  if (report.loss) deadline_.add(report.seconds.total - report.in_vain_s);
  record(report);
  if (on_step) on_step(report);
  progress_.update(step, report.loss, report.accuracy);
  if (are_put_out && options_.heals && options_.replay == nullptr && heal()) return;
  if (diverges) end_or_warn(report);
  if (skipped_here_ >= options_.max_skipped) {
    progress_.clear();
    checkpoint(true);
    throw UndefendedError(undefended(report));
  }
  const bool is_due = options_.checkpoint_every > 0 && step % options_.checkpoint_every == 0;
  if (is_due && checkpoint(false)) note_step();
}

/// Whether somebody is put out.
bool Training::convict(const StepReport& report) {
  if (report.server_was_alone > 0 && server_was_alone_ == 0) {
    progress_.clear();
    log_warning(
        "step {}: no worker has what the server computed itself: either this machine is wrong, or "
        "all who had the slice; more workers are asked then",
        report.step);
  }
  server_was_alone_ += report.server_was_alone;
  for (const std::uint32_t worker : report.readmitted) evictions_->readmit(worker);
  if (report.compares_nothing && !std::exchange(told_nothing_compared_, true)) {
    progress_.clear();
    log_warning(
        "step {}: no piece is computed twice, because {} workers are away: who lies is not found",
        report.step, report.away->size());
  }
  note_quiet_step(report);
  const bool were_too_many = evictions_->are_too_many();
  const HostsOfWorkers hosts = evictions_->hosts();
  const std::vector<std::uint32_t> put_out = evictions_->book(report.step, report.convicted);
  if (!put_out.empty()) {
    progress_.clear();
    log_info("step {}: convicted and put out: {}", report.step, worker_names(put_out));
  }
  if (evictions_->are_too_many() && !were_too_many) {
    progress_.clear();
    log_warning(
        "step {}: {} workers are convicted, more than q = {}: what convicts them assumed that no "
        "more lie, so somebody honest may be among them; nobody more is put out",
        report.step, evictions_->convicted().size(), options_.evictions.most);
  }
  if (evictions_->hosts() != hosts) note_step();  // before a state file has the number
  return !put_out.empty();
}

/// What was said of a slice by two or more was compared: a liar of one lie in kSeldom has one such
/// order as likely as anybody, and is found where the other worker is honest (docs/defence.md).
void Training::note_quiet_step(const StepReport& report) {
  ++quiet_steps_;
  if (!report.convicted.empty()) {
    undetected_ = 1;
    quiet_steps_ = 0;
    return;
  }
  std::size_t compared = 0;
  for (const std::vector<std::uint32_t>& workers : report.counted)
    compared += workers.size() > 1 ? workers.size() : 0;
  const Evictions::Terms& terms = options_.evictions;
  const auto there = static_cast<double>(terms.workers - report.away->size());
  const auto left = static_cast<double>(terms.most - std::min(terms.most, evictions_->out()));
  if (there <= 1) return;
  const double honest = std::max(0.0, there - std::max(left, 1.0)) / (there - 1);
  undetected_ *= 1 - std::min(1.0, static_cast<double>(compared) / there * honest / kSeldom);
}

/// At the first step whose weights are not finite.
void Training::end_or_warn(const StepReport& report) {
  if (options_.stops_on_divergence) throw DivergedError(diverged(report));
  progress_.clear();
  log_warning("{}; the run goes on (--on-divergence continue)", what_diverged(report));
}

void Training::write_status(RunState state, const std::string& message) const {
  directory_.write_status(
      {state, state_.step, message, evictions_ ? evictions_->hosts() : HostsOfWorkers()});
}

/// For those who look at a run that goes on, or that was killed.
void Training::note_step() {
  try {
    write_status(RunState::kRunning);
  } catch (const InputError& error) {
    progress_.clear();
    log_warning("{}; the run goes on", error.what());
  }
}

void Training::record(const StepReport& report) {
  std::optional<std::size_t> corrupted;
  if (attackers_) {
    const SimulatedLies lies = truth_(report);
    corrupted = lies.owned.size();
    append(*attackers_, attackers_line(report.step, lies));
  }
  computed_ += report.computed();
  used_.push_back(report.used.size());
  rejections_.add(report);
  append(metrics_, metrics_line(report, corrupted));
  append(rounds_, rounds_line(report));
  if (commitments_ && report.commitment)
    tell_lost_line(commitments_->append(*report.commitment), commitments_->journal());
  for (const LateLatency& late : report.late) tell_lost_record(latency_.amend(late));
  tell_lost_record(latency_.append(round(), report.latency));
  for (const LedgerEntry& entry : report.ledger) {
    ledger_.add(entry);
    append(suspicions_, ledger_line(entry));
  }
}

bool Training::append(Journal& journal, nlohmann::json line) {
  if (healing_.attempt() > 0) line.emplace("attempt", healing_.attempt());
  return tell_lost_line(journal.append(line), journal);
}

bool Training::tell_lost_line(bool written, const Journal& journal) {
  if (!written && !journals_fail_) {
    progress_.clear();
    log_warning("{}; the run goes on, lines are missing there", journal.last_error());
  }
  journals_fail_ = !written;
  return written;
}

bool Training::tell_lost_record(bool written) {
  if (!written && !latency_fails_) {
    progress_.clear();
    log_warning("{}; the run goes on, steps are missing there", latency_.last_error());
  }
  latency_fails_ = !written;
  return written;
}

/// What a checkpoint follows from is on the disk before it: a resumed run has no holes.
void Training::sync_journals() {
  for (Journal* journal : {&metrics_, &rounds_, &suspicions_, attackers_ ? &*attackers_ : nullptr,
                           commitments_ ? &commitments_->journal() : nullptr}) {
    if (journal == nullptr || journal->sync()) continue;
    progress_.clear();
    log_warning("{}; the run goes on", journal->last_error());
  }
  if (!latency_.sync()) {
    progress_.clear();
    log_warning("{}; the run goes on", latency_.last_error());
  }
}

/// After sync_journals().
void Training::sign() {
  try {
    signature_->renew();
  } catch (const InputError& error) {
    progress_.clear();
    log_warning("steps up to {} are not signed: {}", state_.step, error.what());
  }
}

bool Training::checkpoint(bool is_last) {
  if (saved_step_ == state_.step) return true;
  sync_journals();
  sign();
  try {
    save_checkpoint(directory_.path(), layout_, model_, state_);
    saved_step_ = state_.step;
    prune_checkpoints(directory_.path(), options_.keep_checkpoints, diverged_at_, options_.heals);
    return true;
  } catch (const InputError& error) {
    if (is_last) throw;
    progress_.clear();
    log_warning("no checkpoint at step {}: {}; the run goes on", state_.step, error.what());
    return false;
  }
}

std::string Training::undefended(const StepReport& report) const {
  std::string slices;
  for (const std::uint32_t slice : report.unresolved) {
    std::string workers;
    for (const std::uint32_t worker : report.assignment.workers_of_slice[slice]) {
      workers += fmt::format("{}{}", workers.empty() ? "" : " ", worker + 1);
    }
    slices += fmt::format("{}{} ({}{})", slices.empty() ? "" : ", ", slice,
                          workers.empty() ? "no worker" : "workers ", workers);
  }
  return fmt::format(
      "{} in a row could not be defended, the last one, {}, because {}; unresolved slices: "
      "{}; checkpoint at step {} in {}; a resumed run counts anew (--max-skipped)",
      counted(skipped_here_, "step"), report.step, report.skipped_because,
      slices.empty() ? "none" : slices, state_.step, directory_.path().string());
}

std::string Training::diverged(const StepReport& report) const {
  const std::vector<std::uint64_t> saved = list_checkpoints(directory_.path());
  return fmt::format("{}; {}; lower --lr{}, or train on with --on-divergence continue",
                     what_diverged(report),
                     saved.empty() ? "there is no earlier checkpoint"
                                   : fmt::format("the newest checkpoint is of step {} in {}",
                                                 saved.back(), directory_.path().string()),
                     is_finite(report.loss) && !report.gradient_is_finite
                         ? ", choose a --mode that leaves such rows out"
                         : "");
}

}  // namespace detox
