// The results of an experiment for people: means over seeds with their spreads. Where there are two
// axes or more, first a table of the compared axis × the last other one, for each combination of
// the others; then one with a row a combination.
#pragma once

#include <cstddef>
#include <string>

#include "experiment/result_rows.hpp"

namespace detox {

/// GitHub's Markdown.
std::string table_markdown(const Results& results);

/// Tabulars for LaTeX with the package booktabs; every text of the experiment is escaped.
std::string table_latex(const Results& results);

/// For a terminal: the first kind of table where there is one, else the second, in parts that are
/// no wider than `width` where a column fits; then what was refused or failed, and why.
std::string table_text(const Results& results, std::size_t width = 100);

}  // namespace detox
