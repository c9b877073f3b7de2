// What follows from a configuration before anything is trained: sizes, requirements, refusals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/attack_plan.hpp"
#include "config/defence_plan.hpp"
#include "config/run_config.hpp"
#include "stages/optimize/lr_schedule.hpp"
#include "stages/optimize/sgd.hpp"

namespace detox {

class Mistakes;

/// All of a run: the defence, what is simulated against it, and lines to print before it.
struct Plan : DefencePlan {
  AttackPlan attack;
  std::vector<std::uint32_t> readmitted;  ///< workers whose convictions a resumed run forgets
  std::vector<std::string> notices;
};

/// What is wrong with each value by itself: names that do not exist, numbers out of range.
void check_values(const RunConfig& config, Mistakes& mistakes);

/// Fills in what the options leave to each other (mode, workers, assume_fail, lr). `world_workers`
/// is P under MPI, 0 otherwise. UsageError for values that cannot be meant.
RunConfig resolve(RunConfig config, std::size_t world_workers);

/// The plan of a resolved configuration. UsageError for impossible combinations, with the
/// inequality and the values.
Plan make_plan(const RunConfig& config);

/// Samples of one step over all slices.
std::size_t samples_per_step(const RunConfig& config, const Plan& plan);

/// Steps the run takes: max_steps or epochs, whichever ends first.
std::uint64_t total_steps(const RunConfig& config, std::uint64_t steps_per_epoch);

SgdOptions sgd_options(const RunConfig& config);
LrSchedule lr_schedule(const RunConfig& config, std::uint64_t total_steps);

}  // namespace detox
