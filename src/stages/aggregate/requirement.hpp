// The check that every rule makes before it reads a row, for those who want to refuse a
// configuration earlier.
#pragma once

#include <cstddef>
#include <string>

#include "detox/aggregator.hpp"

namespace detox {

/// Empty where n rows will do for the rule with these options; else the inequality and the values:
/// "krum needs n >= 2f + 3: n = 6, f = 2".
std::string unmet_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n);

/// The same as a UsageError.
void check_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n);

}  // namespace detox
