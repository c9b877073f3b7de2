// The file of an experiment (docs/experiments.md): what all runs share, what is varied, and which
// combinations are meant.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"

namespace detox {

/// A name, and the options that it stands for.
struct AxisValue {
  std::string name;
  std::vector<Setting> settings;
};

struct Axis {
  std::string name;
  std::vector<AxisValue> values;  ///< in the order of the file
};

/// Cells by their values on some axes, both by number: one that has one of the values on each axis
/// that is named.
struct CellRule {
  std::map<std::size_t, std::set<std::size_t>> values;
  bool matches(const std::vector<std::size_t>& cell) const;
};

struct Experiment {
  std::string name;
  std::vector<Setting> train;  ///< of all runs; later ones win, and axes over all
  std::vector<Axis> axes;      ///< no option is set by two of them
  std::vector<CellRule> only, excluded;
  std::vector<std::uint64_t> seeds;
  std::vector<std::pair<CellRule, std::vector<std::uint64_t>>> other_seeds;  ///< the last one wins
};

/// The most cells before exclusions.
inline constexpr std::size_t kMostCells = 1U << 16U;
inline constexpr std::size_t kMostSeeds = 1000;

/// The program's own, then 1, 2, …: `count` of them.
std::vector<std::uint64_t> standard_seeds(std::size_t count);

/// Files that it names are read, relative to where it lies. UsageError or InputError in one line,
/// with file and line, for what is none. Any bytes may come in.
Experiment parse_experiment(std::string_view text, const std::filesystem::path& file);

/// `AXIS=VALUE,VALUE` of a command line; a name that holds a comma stands in brackets. UsageError.
CellRule parse_cell_rule(std::string_view text, const std::vector<Axis>& axes);

/// What a command line sets for all runs. UsageError where an axis sets it, or no run can have it.
void set_for_all(const std::vector<Setting>& settings, Experiment& experiment);

/// Why a run of an experiment does not have this option; empty where it may.
std::string_view why_not_in_experiments(std::string_view option);

/// UsageError where two axes set one option, or there would be too many cells.
void check_axes(const std::vector<Axis>& axes);

}  // namespace detox
