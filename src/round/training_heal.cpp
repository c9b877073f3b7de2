// --heal: how a training goes back, and how it follows one that went back.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/counted.hpp"
#include "base/log.hpp"
#include "base/worker_names.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint_files.hpp"
#include "record/damaged_file.hpp"
#include "record/run_files.hpp"
#include "round/training.hpp"

namespace detox {

/// A process that was killed between the checkpoint and these lines has left them out.
void Training::open_attempts() {
  for (std::uint64_t attempt = 1; attempt <= healing_.attempt(); ++attempt) {
    const auto lacks = [attempt](const auto& journal) {
      return journal.last_attempt().value_or(attempt) < attempt;
    };
    record_back(attempt, {.metrics = lacks(metrics_),
                          .rounds = lacks(rounds_),
                          .commitments = commitments_ && lacks(commitments_->journal()),
                          .latency = lacks(latency_)});
  }
}

/// What a run goes back to at the worst.
void Training::keep_beginning() {
  if (std::filesystem::exists(model_path(directory_.path(), state_.step))) return;
  save_checkpoint(directory_.path(), layout_, model_, state_);
  saved_step_ = state_.step;
}

/// Where somebody was put out when the run went on without --heal.
void Training::heal_what_was_before() {
  const bool is_here = rounds_.last_attempt().has_value();  // else it is in another directory
  if (!is_here || !evictions_ || evictions_->out() == 0) return;
  std::optional<std::uint64_t> unsure;
  try {
    unsure = first_unsure();
  } catch (const InputError& error) {  // each time that it goes on
    log_warning("{}: whether steps rest on what workers who are out alone have said is not known",
                error.what());
  }
  if (!unsure) return;
  std::vector<std::uint32_t> out = evictions_->convicted();
  std::erase_if(out, [this](std::uint32_t worker) { return !evictions_->is_out(worker); });
  log_info("put out so far: {}", worker_names(out));
  go_back_before(*unsure);
}

/// After a step in which somebody was put out. Whether steps were taken back.
bool Training::heal() {
  progress_.clear();
  std::optional<std::uint64_t> unsure = 1;  // what the record does not tell is not sure
  try {
    unsure = first_unsure();
  } catch (const InputError& error) {
    log_warning("{}: it goes back as far as it can", error.what());
  }
  if (!unsure) {
    log_info("step {}: what they alone have said was used in no step: none is taken back",
             state_.step);
    return false;
  }
  return go_back_before(*unsure);
}

/// False where it cannot.
bool Training::go_back_before(std::uint64_t unsure) {
  if (healing_.attempt() == kMostAttempts) return false;
  std::optional<Checkpoint> start = checkpoint_before(unsure);
  if (!start) {
    log_warning(
        "step {}: what they alone have said was used in step {}, and there is no checkpoint before "
        "it: no step is taken back",
        state_.step, unsure);
    return false;
  }
  log_info("back to step {}: what they alone have said was used in step {}; {} taken again",
           start->state.step, unsure,
           counted(state_.step - start->state.step, "step") +
               (state_.step - start->state.step == 1 ? " is" : " are"));
  go_back(state_.step, std::move(*start));
  return true;
}

/// InputError where the record does not tell.
std::optional<std::uint64_t> Training::first_unsure() {
  sync_journals();
  const std::vector<std::uint64_t> checkpoints = list_checkpoints(directory_.path());
  const std::uint64_t begin = checkpoints.empty() ? 0 : checkpoints.front();
  return first_unsure_step(directory_.path() / kRoundsFile, begin + 1, state_.step,
                           round_.workers(), round_.slices(), *evictions_);
}

std::optional<Checkpoint> Training::checkpoint_before(std::uint64_t step) {
  std::vector<std::uint64_t> steps = list_checkpoints(directory_.path());
  std::ranges::reverse(steps);
  for (const std::uint64_t older : steps) {
    if (older >= step) continue;
    try {
      return load_checkpoint(model_path(directory_.path(), older), layout_);
    } catch (const DamagedFile& error) {
      log_warning("not gone back to: {}", error.what());
    }
  }
  return std::nullopt;
}

/// From its checkpoint on a run that is resumed is in the new attempt.
void Training::go_back(std::uint64_t from, Checkpoint start) {
  const Healing::Back back{from, start.state.step};
  healing_.went_back(back);
  note_attempt(start.state);
  save_checkpoint(directory_.path(), layout_, start.model, start.state);
  remove_checkpoints_after(directory_.path(), back.to);
  model_ = std::move(start.model);
  state_ = std::move(start.state);
  saved_step_ = back.to;
  take_over_state();
  used_.resize(std::min(
      used_.size(), static_cast<std::size_t>(back.to + 1 - std::min(back.to + 1, first_step_))));
  first_step_ = std::min(first_step_, back.to + 1);
  record_back(healing_.attempt(), kAllJournals);
  sync_journals();
  sign();
  note_step();
  // The digests of the weights that the next step begins with.
  if (commitments_) round_.commit(state_.step, round_state());
}

/// In the journals by which others follow the run.
void Training::record_back(std::uint64_t attempt, const InJournals& in) {
  const Healing::Back& back = healing_.backs()[attempt - 1];
  const std::uint64_t to = std::min(back.to, state_.step);
  const nlohmann::json line = {{"step", to},
                               {"attempt", attempt},
                               {"back_from", back.from},
                               {"back_to", back.to},
                               {"convicted", evictions_ ? evictions_->text() : ""}};
  lost_.metrics |= in.metrics && !append(metrics_, line);
  lost_.rounds |= in.rounds && !append(rounds_, line);
  lost_.commitments |= in.commitments && commitments_ &&
                       !tell_lost_line(commitments_->append(BackCommitment{attempt, back.from, to}),
                                       commitments_->journal());
  lost_.latency |= in.latency && !tell_lost_record(latency_.append_back(round_number(attempt, to)));
}

/// Of the checkpoint that the replayed run has of this step.
std::uint64_t Training::last_attempt_back_to(std::uint64_t step) const {
  std::uint64_t attempt = healing_.attempt();
  for (const RecordedBack& back : options_.replay->backs()) {
    if (back.to == step) attempt = std::max(attempt, back.attempt);
  }
  return attempt;
}

/// A replay takes the steps that stand, each as it was in its attempt.
void Training::follow_attempts(std::uint64_t last) {
  if (last == healing_.attempt()) return;
  for (const RecordedBack& back : options_.replay->backs()) {
    if (back.attempt != healing_.attempt() + 1 || back.attempt > last) continue;
    if (evictions_) evictions_.emplace(options_.evictions, back.convicted);
    healing_.went_back({back.from, back.to});
    record_back(back.attempt, kAllJournals);
  }
  if (last != healing_.attempt() || !evictions_) {
    throw InputError(fmt::format("step {} is of attempt {} there, of attempt {} here",
                                 state_.step + 1, last, healing_.attempt()));
  }
  note_attempt(state_);
  if (saved_step_ != state_.step) return;
  sync_journals();
  sign();
  save_checkpoint(directory_.path(), layout_, model_, state_);
}

}  // namespace detox
