// What `detoxml tune` varies: options of train, and the values that each of them takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"

namespace detox {

struct Sweep {
  std::string option;               ///< by its own name
  std::vector<std::string> values;  ///< as option_text() writes them, each once, in the order given
};

/// The most values of one option, and the most runs of all sweeps together.
inline constexpr std::size_t kMostValues = 1000, kMostRuns = 4096;

/// Reads `NAME=VALUE,VALUE,…`. Values that hold commas stand in brackets: `pre=none,[nnm,arc]`.
/// For options that are numbers a value may also be a power (`2^-3`) or a range that includes both
/// ends: `2^-10..2^-3` (exponents by 1), `1..5` (whole numbers by 1), `0..0.9+0.3` (a step),
/// `0.001..1x10` (a factor). UsageError in one line for what is none, and for options that say
/// how a run is carried out and not what it computes. Any text may come in.
Sweep parse_sweep(std::string_view text);

/// The items between the commas outside of brackets; brackets around a whole item are taken off.
/// UsageError where one is empty or a bracket has no other.
std::vector<std::string_view> split_values(std::string_view list);

/// The option of train of this name. UsageError where there is none, or where results do not depend
/// on it.
const Option& varied_option(const std::string& name);

/// As option_text() writes it. UsageError where the option does not take it.
std::string value_text(const Option& option, std::string_view text);

/// What stands behind `NAME=` in parse_sweep().
std::vector<std::string> parse_values(const Option& option, std::string_view list);

/// All of them. UsageError where an option is there twice or the runs would be too many.
std::vector<Sweep> parse_sweeps(const std::vector<std::string>& texts);

}  // namespace detox
