// What a run's folder says of how it stands, without trusting it: nothing that its configuration
// names is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "config/plan.hpp"
#include "config/run_config.hpp"
#include "record/run_directory.hpp"

namespace detox {

enum class RunCondition {
  kAbsent,   ///< there is no run.json
  kRunning,  ///< and a process holds the folder, or may on another machine
  kKilled,   ///< run.json says "running", and nobody holds the folder
  kFinished,
  kInterrupted,
  kFailed,
  kDiverged
};

/// "absent", "running", "killed", "finished", "interrupted", "failed", "diverged".
std::string_view to_string(RunCondition condition);

struct RunStanding {
  RunCondition condition = RunCondition::kAbsent;
  std::uint64_t step = 0;  ///< that run.json has
  std::string message;
  HostsOfWorkers convicted_on = {};
};

/// InputError where run.json is damaged.
RunStanding standing_of(const std::filesystem::path& folder);

/// What config.toml says. Empty where there is none. InputError, in one line, where it is damaged.
std::optional<RunConfig> config_of_run(const std::filesystem::path& folder);

/// The plan of a configuration that somebody else may have written: a rule or an attack that is a
/// library or a socket is left out, since looking at a run must not run its code. InputError where
/// no run can have had it.
Plan plan_of_run(const RunConfig& config);

}  // namespace detox
