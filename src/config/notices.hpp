// What a run says before it starts.
#pragma once

#include <string>
#include <vector>

#include "config/plan.hpp"

namespace detox {

/// One line each: what the plan defends against, always and first, then warnings and what its
/// options amount to. `plan` is complete but for its notices.
std::vector<std::string> notices(const RunConfig& config, const Plan& plan);

}  // namespace detox
