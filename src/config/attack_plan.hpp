// How simulated attackers of a run behave, as it follows from the configuration.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "stages/attack/attack.hpp"
#include "stages/attack/fail_schedule.hpp"
#include "stages/attack/occasions.hpp"
#include "stages/bucket/hierarchy.hpp"

namespace detox {

/// How workers are made to misbehave. This alone of the plan goes to real workers.
struct AttackPlan {
  std::string attack = "none";  ///< a name of the registry
  AttackOptions options;
  std::size_t byzantine = 0;
  FailSchedule schedule = FailSchedule::kPerStep;
  Occasions occasions;
  bool statistics = true;
  std::size_t rule_rows = 0;  ///< rows that reach the rule which defends: Plan::rows
  std::optional<Hierarchy::Options> defence;  ///< where the attack probes it
};

}  // namespace detox
