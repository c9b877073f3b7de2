// A rule that is one of the registry's, one that somebody compiled (include/detox/rule_module.h),
// or one that another process answers for (config/rule_process.hpp).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "detox/aggregator.hpp"

namespace detox {

/// Whether this names a file and no rule of the registry: it holds a slash or ends with .so.
bool is_rule_file(std::string_view rule);

/// The registry's rule of this name, or the one in this file, a library or a socket, which is
/// opened the first time and stays open. "FILE@sha256:DIGEST" is the library with these contents
/// and no other, "FILE@function:DIGEST" the socket of a function with this source. UsageError for
/// an unknown name; InputError, in one line that opens with the file, where it is missing, is no
/// rule, has another interface or other contents.
const RuleInfo& rule_of(std::string_view name_or_file);

/// What rule_of takes and runs record: the name, or FILE and what it is.
std::string recorded_name(const RuleInfo& rule);

/// What digests of runs have in its place: a file is what it holds, not where it lies.
std::string identity_of(const RuleInfo& rule);

/// InputError where two reductions of the same rows differ in a bit, or made a NaN. Of the same
/// size.
void check_repeats(const RuleInfo& rule, std::span<const float> once, std::span<const float> again);
void check_repeats(const RuleInfo& rule, std::span<const double> once,
                   std::span<const double> again);

}  // namespace detox
