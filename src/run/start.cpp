#include "run/start.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/finite.hpp"
#include "base/log.hpp"
#include "base/round_number.hpp"
#include "detox/errors.hpp"
#include "host/numerics.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"
#include "record/signature_file.hpp"
#include "round/healing.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

/// What differs from the run that this file says was recorded here, in words; empty for nothing.
std::string recorded_differences(const TrainSetup& setup, const fs::path& recorded) {
  return fmt::format("{}", fmt::join(differences(setup.config, recorded_config(recorded)), "; "));
}

/// Whether a run has been here to its end; one that was killed behind its last checkpoint has not.
bool has_finished(const fs::path& dir) {
  try {
    const std::optional<RunStatus> status = read_status(dir);
    return status && status->state == RunState::kFinished;
  } catch (const InputError&) {
    return false;
  }
}

/// may_end_here: where the checkpoint is of the last step, there is still an end to be written.
Checkpoint load_same_run(const TrainSetup& setup, const fs::path& file, bool may_end_here = false) {
  Checkpoint checkpoint = load_checkpoint(file, setup.layout);
  check_same_run(setup, file, checkpoint.state);
  if (setup.config.on_divergence == OnDivergence::kStop &&
      !all_finite(checkpoint.model.parameters)) {
    throw UsageError(fmt::format(
        "{} holds weights that are not finite; valid: an earlier one, or --on-divergence continue",
        file.string()));
  }
  const std::uint64_t next = checkpoint.state.step + (may_end_here ? 0 : 1);
  if (next > setup.last_step) {
    throw UsageError(
        fmt::format("{}: the run is at step {} of {} already; give more --max-steps or --epochs",
                    file.string(), checkpoint.state.step, setup.last_step));
  }
  return checkpoint;
}

/// The newest checkpoint that is whole; empty where the run has none yet.
fs::path newest_whole(const TrainSetup& setup, const fs::path& dir) {
  std::vector<std::string> damaged;
  const auto step = newest_valid_checkpoint(dir, setup.layout, damaged,
                                            setup.config.on_divergence == OnDivergence::kStop);
  if (!step && !damaged.empty()) {
    throw InputError(fmt::format("{}: no checkpoint can be resumed from: {}", dir.string(),
                                 fmt::join(damaged, "; ")));
  }
  for (const std::string& reason : damaged) log_warning("not resumed from: {}", reason);
  return step ? model_path(dir, *step) : fs::path();
}

/// An invocation's own options are no part of the run: the file gives the whole run again.
void record_config(const TrainSetup& setup, const RunDirectory& directory) {
  RunConfig recorded = setup.config;
  recorded.resume = "none";
  recorded.checkpoint_step.reset();
  recorded.allow_other_numerics = false;
  recorded.overwrite = false;
  recorded.readmit.clear();
  recorded.sign_key.clear();
  // Whoever goes on with this run needs the same bits, however this one came by them.
  if (profile_in_force() == kPortableProfile) recorded.numerics = Numerics::kPortable;
  directory.write_config(
      to_toml(recorded, fmt::format("detoxml {}, resolved; {}", DETOX_VERSION, setup.profile)));
}

void remove_later_checkpoints(const fs::path& dir, std::uint64_t step) {
  const auto steps = list_checkpoints(dir);
  if (steps.empty() || steps.back() <= step) return;
  log_info("checkpoints after step {} are removed: their steps are taken again", step);
  remove_checkpoints_after(dir, step);
}

std::uint64_t round_of(const TrainingState& state) {
  const auto backs = state.facts.find(kWentBack);
  return round_number(backs == state.facts.end() ? 0 : Healing(backs->second).attempt(),
                      state.step);
}

/// That lines which stay are not signed by somebody else: those up to this checkpoint, and of a run
/// that has gone back those of its earlier attempts.
void check_signer(const TrainSetup& setup, const fs::path& dir, const TrainingState& state) {
  if (!setup.sign_key) return;
  const fs::path file = dir / kSignatureFile;
  const auto there = read_signature(file);
  if (!there || there->chain.first > round_of(state)) return;
  if (there->key == setup.sign_key->fingerprint()) return;
  throw UsageError(
      fmt::format("{} is of another key, {}, and --sign-key {} is {}; valid: that key, or remove "
                  "the file, and all is signed anew",
                  file.string(), there->key, setup.config.sign_key, setup.sign_key->fingerprint()));
}

/// A run goes on without, too: that is for people alone.
HostsOfWorkers hosts_of_convicted(const fs::path& dir) {
  try {
    return read_status(dir).value_or(RunStatus()).convicted_on;
  } catch (const InputError& error) {
    log_warning("{}; on which hosts workers were convicted is not known", error.what());
    return {};
  }
}

/// `file` is the checkpoint of `start`; empty for step 0.
Start accept(const TrainSetup& setup, const fs::path& file, Start start) {
  check_signer(setup, start.directory.path(), start.checkpoint.state);
  start.directory.remove_leftovers();
  record_config(setup, start.directory);
  if (file.empty()) return start;
  if (setup.plan.arbitrated) start.convicted_on = hosts_of_convicted(folder_of(file));
  const std::uint64_t step = start.checkpoint.state.step;
  remove_later_checkpoints(start.directory.path(), step);
  log_info("resumed from {} (step {})", file.string(), step);
  return start;
}

Start resume_by_itself(const TrainSetup& setup, const fs::path& dir) {
  if (!holds_run(dir)) return accept(setup, {}, {RunDirectory::create(dir), beginning(setup)});
  RunDirectory directory = RunDirectory::open_for_resume(dir);
  const fs::path file = newest_whole(setup, dir);
  if (file.empty()) check_same_beginning(setup, dir);
  Checkpoint checkpoint =
      file.empty() ? beginning(setup) : load_same_run(setup, file, !has_finished(dir));
  return accept(setup, file, {std::move(directory), std::move(checkpoint)});
}

}  // namespace

Checkpoint beginning(const TrainSetup& setup) {
  Checkpoint checkpoint;
  checkpoint.model = setup.initial;
  checkpoint.state.momentum = setup.initial_momentum;
  return checkpoint;
}

void check_same_run(const TrainSetup& setup, const fs::path& file, const TrainingState& state) {
  if (state.config_digest != setup.config_digest) {
    const fs::path recorded = folder_of(file) / kConfigFile;
    std::string what;
    if (fs::exists(recorded)) what = recorded_differences(setup, recorded);
    if (what.empty()) {
      what = setup.config.lr_schedule == LrShape::kCosine
                 ? "its last step (where a cosine ends), the data or the placement key"
                 : "the data or the placement key";
      if (!fs::exists(recorded)) {
        what = fmt::format("an option, such as the number of workers (there is no {}), {}",
                           recorded.string(), what);
      }
    }
    throw UsageError(fmt::format(
        "{}: of a run that differs: {}; a new run begins with its weights and momentum: "
        "--pretrained {} --pretrained-momentum --train-dir NEW",
        file.string(), what, file.string()));
  }
  if (std::ranges::find(setup.profiles, state.profile) != setup.profiles.end()) return;
  if (!setup.config.allow_other_numerics) {
    throw UsageError(
        fmt::format("{}: computed under '{}', this is '{}'; valid: --numerics as it was then, or "
                    "--allow-other-numerics, which gives up bit-identity",
                    file.string(), state.profile, setup.profile));
  }
  log_warning("another numerical profile than the run's: the result will differ in the last bits");
}

void check_same_beginning(const TrainSetup& setup, const fs::path& dir) {
  const fs::path recorded = dir / kConfigFile;
  if (!fs::exists(recorded)) {
    throw InputError(
        fmt::format("{} holds a run without a checkpoint and without its config.toml; remove it or "
                    "choose another --train-dir",
                    dir.string()));
  }
  const std::string what = recorded_differences(setup, recorded);
  if (!what.empty())
    throw UsageError(fmt::format("{}: of a run that differs: {}", dir.string(), what));
}

Start open_start(const TrainSetup& setup) {
  const RunConfig& config = setup.config;
  const fs::path dir = config.train_dir;
  if (config.resume == "auto" && !config.checkpoint_step) return resume_by_itself(setup, dir);
  const fs::path file = config.checkpoint_step    ? model_path(dir, *config.checkpoint_step)
                        : config.resume != "none" ? fs::path(config.resume)
                                                  : fs::path();
  Checkpoint checkpoint = file.empty() ? beginning(setup) : load_same_run(setup, file);
  if (config.overwrite) {
    if (const fs::path aside = RunDirectory::move_aside(dir); !aside.empty())
      log_info("the run that was in {} is in {} now", dir.string(), aside.string());
  }
  const bool same_directory =
      !file.empty() && fs::exists(dir) && fs::equivalent(folder_of(file), dir);
  return accept(setup, file,
                {same_directory ? RunDirectory::open_for_resume(dir) : RunDirectory::create(dir),
                 std::move(checkpoint)});
}

}  // namespace detox
