// The rules of which ByzFL's and ByzPy's definitions are not the paper's, in double precision and
// as they have them, but for rows that are not finite: those are at infinite distance, or left out.
#pragma once

#include <string_view>

#include "stages/aggregate/oracles.hpp"

namespace detox::oracle {

/// The rule's result in options.semantics, which is not the paper's.
Vector as_peers(std::string_view rule, const Matrix& rows, const RuleOptions& options);

}  // namespace detox::oracle
