// The check that every rule makes before it reads a row, for those who want to refuse a
// configuration earlier.
#pragma once

#include <cstddef>

#include "detox/aggregator.hpp"

namespace detox {

/// UsageError with the inequality and the values where n rows are too few for the rule at
/// options.f, or where multi-krum's krum_select is more than n - f: "krum needs n >= 2f + 3: n = 6,
/// f = 2".
void check_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n);

}  // namespace detox
