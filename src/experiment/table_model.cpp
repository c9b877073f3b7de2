#include "experiment/table_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/counted.hpp"
#include "experiment/result_cells.hpp"

namespace detox {
namespace {

constexpr std::array kUnfinished = {ResultState::kDiverged, ResultState::kRefused,
                                    ResultState::kFailed, ResultState::kInterrupted,
                                    ResultState::kWaiting};

std::string number_text(double value, int digits) {
  constexpr double kLong = 1e6;
  return std::abs(value) < kLong ? fmt::format("{:.{}f}", value, digits)
                                 : fmt::format("{:.3g}", value);
}

/// The most seeds of a combination.
std::size_t seeds_of(const std::vector<ResultCell>& cells) {
  std::size_t most = 0;
  for (const ResultCell& cell : cells) most = std::max(most, cell.runs.size());
  return most;
}

/// "2 diverged, 1 failed"; a state alone where all are in it.
std::string states_in(const ResultCell& cell) {
  std::vector<std::string> each;
  for (const ResultState state : kUnfinished) {
    const std::size_t count = cell.count(state);
    if (count == cell.runs.size()) return std::string(to_string(state));
    if (count > 0) each.push_back(fmt::format("{} {}", count, to_string(state)));
  }
  return fmt::format("{}", fmt::join(each, ", "));
}

TableCell cell_text(const ResultCell& cell, const Quantity& quantity, std::size_t seeds,
                    bool is_bold) {
  const Spread spread = spread_in(cell, quantity);
  const std::string states = states_in(cell);
  if (spread.n == 0) return {"", "", states.empty() ? "–" : states, false};
  TableCell text{number_text(spread.mean, quantity.digits), "", "", is_bold};
  if (spread.n > 1) text.spread = number_text(spread.deviation, quantity.digits);
  if (!states.empty()) {
    text.words = fmt::format("({} of {}; {})", spread.n, cell.runs.size(), states);
  } else if (spread.n != seeds) {
    text.words = fmt::format("(n = {})", spread.n);
  }
  return text;
}

std::string with_unit(const Quantity& quantity) {
  return quantity.unit.empty() ? std::string(quantity.name)
                               : fmt::format("{}, {}", quantity.name, quantity.unit);
}

using CellsByValues = std::map<std::vector<std::size_t>, std::size_t>;

CellsByValues by_values(const std::vector<ResultCell>& cells) {
  CellsByValues found;
  for (std::size_t i = 0; i < cells.size(); ++i) found.emplace(cells[i].values, i);
  return found;
}

/// The worst of a row, and where: a run that diverged is worse than any number; what was refused or
/// has not ended says nothing.
TableCell worst_of(const std::vector<std::pair<std::string, const ResultCell*>>& row,
                   const Quantity& quantity) {
  const std::string* worst = nullptr;
  double least = 0;
  for (const auto& [name, cell] : row) {
    if (cell->count(ResultState::kDiverged) > 0)
      return {"", "", fmt::format("diverged ({})", name), false};
    const Spread spread = spread_in(*cell, quantity);
    if (spread.n == 0) continue;
    const double value = quantity.higher_is_better ? spread.mean : -spread.mean;
    if (worst != nullptr && value >= least) continue;
    worst = &name;
    least = value;
  }
  if (worst == nullptr) return {"", "", "–", false};
  const double mean = quantity.higher_is_better ? least : -least;
  return {number_text(mean, quantity.digits), "", fmt::format("({})", *worst), false};
}

/// Which axes a crossed table has: rows, columns, and those that are the same in all of it.
struct Crossing {
  std::size_t rows = 0, columns = 0;
  std::vector<std::size_t> fixed;
};

Crossing crossing_of(const Results& results) {
  Crossing crossing;
  crossing.rows = compared_axis(results);
  for (std::size_t axis = 0; axis < results.axes.size(); ++axis) {
    if (axis != crossing.rows) crossing.fixed.push_back(axis);
  }
  crossing.columns = crossing.fixed.back();
  crossing.fixed.pop_back();
  return crossing;
}

/// Combinations of the axes that are fixed, those that have a cell.
std::vector<std::vector<std::size_t>> fixed_values(const std::vector<ResultCell>& cells,
                                                   const Crossing& crossing) {
  std::map<std::vector<std::size_t>, bool> found;
  for (const ResultCell& cell : cells) {
    std::vector<std::size_t> values;
    for (const std::size_t axis : crossing.fixed) values.push_back(cell.values[axis]);
    found[values] = true;
  }
  std::vector<std::vector<std::size_t>> all;
  all.reserve(found.size());
  for (const auto& [values, is_there] : found) all.push_back(values);
  return all;
}

/// The columns that have a cell where these axes have these values.
std::vector<std::size_t> columns_there(const std::vector<ResultCell>& cells,
                                       const Crossing& crossing,
                                       const std::vector<std::size_t>& fixed) {
  std::set<std::size_t> found;
  for (const ResultCell& cell : cells) {
    bool is_here = true;
    for (std::size_t i = 0; i < fixed.size(); ++i)
      is_here = is_here && cell.values[crossing.fixed[i]] == fixed[i];
    if (is_here) found.insert(cell.values[crossing.columns]);
  }
  return {found.begin(), found.end()};
}

}  // namespace

std::vector<ResultTable> crossed_tables(const Results& results) {
  std::vector<ResultTable> tables;
  if (results.axes.size() < 2) return tables;
  const std::vector<ResultCell> cells = cells_of(results);
  const CellsByValues places = by_values(cells);
  const Quantity& quantity = headline_of(results);
  const std::vector<bool> is_best = best_cells(results, cells, quantity);
  const std::size_t seeds = seeds_of(cells);
  const Crossing crossing = crossing_of(results);
  const ResultAxis &rows = results.axes[crossing.rows], &columns = results.axes[crossing.columns];
  for (const std::vector<std::size_t>& fixed : fixed_values(cells, crossing)) {
    ResultTable table;
    std::vector<std::string> title;
    std::vector<std::size_t> values(results.axes.size());
    for (std::size_t i = 0; i < fixed.size(); ++i) {
      const ResultAxis& axis = results.axes[crossing.fixed[i]];
      values[crossing.fixed[i]] = fixed[i];
      title.push_back(fmt::format("{} {}", axis.name, axis.values[fixed[i]]));
    }
    table.title = fmt::format("{}", fmt::join(title, ", "));
    table.column_axis = columns.name;
    const std::vector<std::size_t> shown = columns_there(cells, crossing, fixed);
    table.head = {rows.name};
    for (const std::size_t column : shown) table.head.push_back(columns.values[column]);
    const bool has_worst = shown.size() > 1;
    if (has_worst) table.head.emplace_back("worst");
    table.labels = 1;
    for (std::size_t row = 0; row < rows.values.size(); ++row) {
      ResultTable::Row line{{rows.values[row]}, {}};
      std::vector<std::pair<std::string, const ResultCell*>> there;
      for (const std::size_t column : shown) {
        values[crossing.rows] = row;
        values[crossing.columns] = column;
        const auto place = places.find(values);
        if (place == places.end()) {
          line.cells.push_back({"", "", "–", false});
          continue;
        }
        const ResultCell& cell = cells[place->second];
        there.emplace_back(columns.values[column], &cell);
        line.cells.push_back(cell_text(cell, quantity, seeds, is_best[place->second]));
      }
      if (there.empty()) continue;
      if (has_worst) line.cells.push_back(worst_of(there, quantity));
      table.rows.push_back(std::move(line));
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

ResultTable long_table(const Results& results) {
  const std::vector<ResultCell> cells = cells_of(results);
  const std::size_t seeds = seeds_of(cells);
  std::vector<Quantity> quantities = further_quantities(results);
  quantities.insert(quantities.begin(), headline_of(results));
  const std::vector<bool> is_best = best_cells(results, cells, quantities.front());
  ResultTable table;
  for (const ResultAxis& axis : results.axes) table.head.push_back(axis.name);
  table.labels = results.axes.size();
  for (const Quantity& quantity : quantities) table.head.push_back(with_unit(quantity));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    ResultTable::Row row;
    for (std::size_t axis = 0; axis < results.axes.size(); ++axis)
      row.labels.push_back(cells[i].runs.front()->values[axis]);
    for (const Quantity& quantity : quantities) {
      const bool is_first = &quantity == &quantities.front();
      row.cells.push_back(cell_text(cells[i], quantity, seeds, is_first && is_best[i]));
      if (!is_first) row.cells.back().words = row.cells.back().number.empty() ? "–" : "";
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::string> table_notes(const Results& results, bool is_crossed) {
  const std::vector<ResultCell> cells = cells_of(results);
  const std::size_t seeds = seeds_of(cells);
  const Quantity& quantity = headline_of(results);
  const bool is_accuracy = quantity.higher_is_better;
  const std::string what = is_accuracy ? "Test accuracy (Prec@1) after the last step, in %"
                                       : "Training loss, the mean of the last steps";
  std::vector<std::string> notes;
  if (seeds < 2)
    return {
        fmt::format("{}. One seed: there is no spread, so differences of a few points may be "
                    "chance, and nothing is bold.",
                    what)};
  notes.push_back(fmt::format("{}: mean ± sample standard deviation over {}.",
                              is_crossed ? what : "Numbers", counted(seeds, "seed")));
  if (results.axes.empty()) return notes;
  notes.push_back(fmt::format(
      "Bold: the best {} by {}{}, and all that do not differ from it by Welch's t-test at 5 %, "
      "among those whose runs have all finished; none where none differs.",
      results.axes[compared_axis(results)].name, quantity.name,
      results.axes.size() < 2 ? "" : " where all else is the same"));
  return notes;
}

std::vector<std::string> unfinished_lines(const Results& results) {
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const ResultRow& row : results.rows) {
    if (row.message.empty() ||
        (row.state != ResultState::kRefused && row.state != ResultState::kFailed)) {
      continue;
    }
    const std::string reason =
        fmt::format("{} {}: {}", fmt::join(row.values, ", "), to_string(row.state), row.message);
    const auto found =
        std::ranges::find(reasons, reason, [](const auto& one) { return one.first; });
    auto& seeds = found == reasons.end()
                      ? reasons.emplace_back(reason, std::vector<std::string>()).second
                      : found->second;
    seeds.push_back(std::to_string(row.seed));
  }
  std::vector<std::string> lines;
  lines.reserve(reasons.size());
  for (const auto& [reason, seeds] : reasons)
    lines.push_back(fmt::format("{} (seed{} {})", reason, seeds.size() == 1 ? "" : "s",
                                fmt::join(seeds, ", ")));
  return lines;
}

}  // namespace detox
