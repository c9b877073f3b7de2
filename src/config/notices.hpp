// What a run says before it starts.
#pragma once

#include <string>
#include <vector>

#include "config/plan.hpp"

namespace detox {

/// One line each: what the plan defends against, always and first, then warnings and what its
/// options amount to. `plan` is complete but for its notices.
std::vector<std::string> notices(const RunConfig& config, const Plan& plan);

/// Options without effect on this engine and network.
std::vector<std::string> run_notices(const RunConfig& config, const Plan& plan, bool over_mpi,
                                     bool has_statistics);

}  // namespace detox
