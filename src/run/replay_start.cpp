#include "run/replay_start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.hpp"
#include "base/log.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint.hpp"
#include "record/checkpoint_files.hpp"
#include "run/start.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

bool is_same_folder(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

/// By its newest checkpoint, which knows data, keys and profile, or by its configuration alone.
void check_same_as_here(const TrainSetup& setup, const fs::path& run) {
  std::vector<std::string> damaged;
  const auto step = newest_valid_checkpoint(run, setup.layout, damaged);
  if (!step) return check_same_beginning(setup, run);
  const fs::path file = model_path(run, *step);
  check_same_run(setup, file, load_checkpoint(file, setup.layout).state);
}

}  // namespace

void open_replay(TrainSetup& setup) {
  const RunConfig& config = setup.config;
  if (config.replay.empty()) return;
  const fs::path run = config.replay;
  if (is_same_folder(run, config.train_dir)) {
    throw UsageError(fmt::format(
        "--replay {} is the --train-dir: the record would be lost; choose another --train-dir",
        config.replay));
  }
  check_same_as_here(setup, run);
  const Replay& replay =
      setup.replay.emplace(run, setup.plan.workers, setup.plan.k, setup.last_step);
  const bool resumes = config.resume != "none" || config.checkpoint_step;
  if (!resumes && replay.first_step() > 1) {
    throw InputError(
        fmt::format("--replay {}: its record begins at step {}, after a checkpoint of another "
                    "directory; valid: "
                    "with --resume of that checkpoint",
                    config.replay, replay.first_step()));
  }
  if (replay.last_step() < setup.last_step) {
    setup.plan.notices.push_back(
        fmt::format("replays steps {} to {}: {} has recorded no more of {}", replay.first_step(),
                    replay.last_step(), config.replay, setup.last_step));
    setup.last_step = replay.last_step();
  }
}

void compare_with_replayed(const TrainSetup& setup) {
  const fs::path run = setup.config.replay, here = setup.config.train_dir;
  const std::vector<std::uint64_t> there = list_checkpoints(run);
  std::size_t same = 0;
  for (const std::uint64_t step : list_checkpoints(here)) {
    if (!std::ranges::binary_search(there, step)) continue;
    for (const auto path_of : {model_path, state_path}) {
      if (read_file(path_of(here, step)) == read_file(path_of(run, step))) continue;
      const std::string what = fmt::format("{} is not what {} holds", path_of(here, step).string(),
                                           path_of(run, step).string());
      if (!setup.config.allow_other_numerics)
        throw InputError(what + ": this is another computation");
      return log_warning("{}", what);
    }
    ++same;
  }
  log_info("replayed {}: {}", run.string(),
           same == 0 ? "it has no checkpoint of the same step to compare with"
                     : fmt::format("checkpoints of {} steps, byte for byte the same", same));
}

}  // namespace detox
