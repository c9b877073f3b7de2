// A rule whose functions are somebody else's, as the C interface describes them.
#pragma once

#include <memory>
#include <string_view>

#include "detox/aggregator.hpp"
#include "detox/detox.h"

namespace detox {

/// What it needs, for messages: "n >= 1" where it does not say. UsageError where it says it and has
/// no min_rows, or the other way round.
std::string_view requirement_of(const detox_function_rule& rule);

/// As the rule's min_rows, 1 where it has none.
std::size_t (*min_rows_of(const detox_function_rule& rule))(std::size_t);

/// The rule has a name; its texts are copied. A function that answers other than 0, or throws, is
/// an InputError of aggregate(); one that is not there, a UsageError.
std::unique_ptr<Aggregator> make_function_rule(const detox_function_rule& rule,
                                               const RuleOptions& options);

}  // namespace detox
