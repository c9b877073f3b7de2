// What follows from a configuration before anything is trained: sizes, requirements, refusals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "detox/attack.hpp"
#include "stages/attack/fail_schedule.hpp"
#include "stages/bucket/hierarchy.hpp"
#include "stages/optimize/lr_schedule.hpp"
#include "stages/optimize/sgd.hpp"

namespace detox {

class Mistakes;

/// A worker that stays away from step `from` to step `to`, both included. Workers count from 0.
struct Absence {
  std::uint32_t worker;
  std::uint64_t from, to;
};

/// How workers are made to misbehave. This alone of the plan goes to real workers.
struct AttackPlan {
  std::string attack = "none";  ///< a name of the registry
  AttackOptions options;
  std::size_t byzantine = 0;
  FailSchedule schedule = FailSchedule::kPerStep;
  bool statistics = true;
  std::size_t rule_rows = 0;  ///< rows that reach the rule which defends: Plan::rows
  std::optional<Hierarchy::Options> defence;  ///< where the attack probes it
};

/// Sizes in SPEC's letters.
struct Plan {
  std::size_t workers = 0;  ///< P
  std::size_t r = 1, k = 0, b = 0, q = 0, f_eff = 0;
  std::size_t num_aggregate =
      0;                 ///< K, slices that a step goes on with; k where all are waited for
  std::size_t rows = 0;  ///< n of the rule that defends: a robust inner rule's smallest bucket
  bool random_placement = true;
  bool votes_by_digest = true;  ///< over MPI; with r = 1 there is nothing to vote on
  bool sign_codec = false;      ///< workers send sign bits
  bool weighs_samples = false;  ///< slices count for as many samples as they have
  bool keeps_last = false;      ///< the rule begins at its last result
  Hierarchy::Options hierarchy;
  AttackPlan attack;
  std::vector<Absence> absences;
  std::vector<std::string> notices;  ///< lines to print before the run
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

/// Samples of each of these slices among k; the first slices are the larger ones.
std::vector<double> slice_samples(std::size_t samples_per_step, std::size_t k,
                                  std::span<const std::uint32_t> slices);

/// Steps the run takes: max_steps or epochs, whichever ends first.
std::uint64_t total_steps(const RunConfig& config, std::uint64_t steps_per_epoch);

SgdOptions sgd_options(const RunConfig& config);
LrSchedule lr_schedule(const RunConfig& config, std::uint64_t total_steps);

}  // namespace detox
