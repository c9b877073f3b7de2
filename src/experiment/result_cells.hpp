// Replicates: runs that differ in their seed alone, and what is said of them together.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/result_rows.hpp"
#include "experiment/statistics.hpp"

namespace detox {

/// All runs of one combination of values.
struct ResultCell {
  std::vector<std::size_t> values;  ///< one an axis, by number
  std::vector<const ResultRow*> runs;

  std::size_t count(ResultState state) const;
  bool is_whole() const { return count(ResultState::kFinished) == runs.size(); }
};

/// In the order of the axes' values, the last axis changing fastest. Combinations without a run are
/// not there. The results outlive them.
std::vector<ResultCell> cells_of(const Results& results);

/// A number of a run that tables show.
struct Quantity {
  std::string_view name, unit;  ///< for people
  int digits = 2;               ///< behind the point
  bool higher_is_better = true;
  std::optional<double> (*of)(const RunSummary&) = nullptr;  ///< finite
};

/// What runs are compared by: the test accuracy of the last step that was scored, or the training
/// loss where no run was scored.
const Quantity& headline_of(const Results& results);

/// The quantities beside it that any run has.
std::vector<Quantity> further_quantities(const Results& results);

/// Over the runs that finished and have it.
Spread spread_in(const ResultCell& cell, const Quantity& quantity);

/// The axis whose values are compared with each other (defences): the first one that is not about
/// the simulated attack, by its name; the first one where all are.
std::size_t compared_axis(const Results& results);

/// Which of the cells are not told from the best by Welch's t-test at 5 %, among those that are the
/// same but for the compared axis, and whose runs have all finished, two or more of them. None
/// where no one of these is told from the best. By cell.
std::vector<bool> best_cells(const Results& results, const std::vector<ResultCell>& cells,
                             const Quantity& quantity);

}  // namespace detox
