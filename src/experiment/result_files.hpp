// The results of an experiment for programs (docs/experiments.md): all numbers, unrounded.
#pragma once

#include <filesystem>
#include <string>

#include "experiment/result_rows.hpp"

namespace detox {

/// A row a run, in the order of the results, quoted as in RFC 4180: its value on each axis, its
/// seed, its state and its numbers; what it has not is empty. A name of an axis that is also a
/// column's gets "axis " before it.
std::string results_csv(const Results& results);

/// The same as one object.
std::string results_json(const Results& results);

/// results.csv and results.json, table.md and table.tex (result_tables.hpp) in the folder, each
/// atomically. They depend on the results alone. InputError where one cannot be written.
void write_results(const std::filesystem::path& dir, const Results& results);

}  // namespace detox
