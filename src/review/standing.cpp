#include "review/standing.hpp"

#include <array>

#include "config/given_options.hpp"
#include "config/rule_file.hpp"
#include "detox/errors.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kConditions = {
    "absent", "running", "killed", "finished", "interrupted", "failed", "diverged"};

RunCondition condition_of(RunState state, const fs::path& folder) {
  switch (state) {
    case RunState::kRunning:
      break;
    case RunState::kFinished:
      return RunCondition::kFinished;
    case RunState::kInterrupted:
      return RunCondition::kInterrupted;
    case RunState::kFailed:
      return RunCondition::kFailed;
    case RunState::kDiverged:
      return RunCondition::kDiverged;
  }
  if (user_of_run_directory(folder).state != LockHolder::State::kFree)
    return RunCondition::kRunning;
  // It may have ended between the two looks.
  const std::optional<RunStatus> now = read_status(folder);
  return !now || now->state == RunState::kRunning ? RunCondition::kKilled
                                                  : condition_of(now->state, folder);
}

}  // namespace

std::string_view to_string(RunCondition condition) {
  return kConditions[static_cast<std::size_t>(condition)];
}

RunStanding standing_of(const fs::path& folder) {
  const std::optional<RunStatus> status = read_status(folder);
  if (!status) return {};
  return {condition_of(status->state, folder), status->step, status->message, status->convicted_on};
}

std::optional<RunConfig> config_of_run(const fs::path& folder) {
  const fs::path file = folder / kConfigFile;
  if (!fs::exists(file)) return std::nullopt;
  try {
    return recorded_config(file);
  } catch (const UsageError& error) {
    throw InputError(error.what());
  }
}

Plan plan_of_run(const RunConfig& config) {
  RunConfig own = config;
  const auto leave_out = [](std::string& rule) {
    if (is_rule_file(rule)) rule = "normal";
  };
  if (own.mode) leave_out(*own.mode);
  leave_out(own.inner_mode);
  if (own.err_mode.find('/') != std::string::npos) {
    own.err_mode = RunConfig().err_mode;
    own.adversarial.reset();
  }
  try {
    return make_plan(resolve(own, 0));
  } catch (const UsageError& error) {
    throw InputError(error.what());
  }
}

}  // namespace detox
