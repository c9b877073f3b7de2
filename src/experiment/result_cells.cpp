#include "experiment/result_cells.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/names.hpp"
#include "config/option_lines.hpp"

namespace detox {
namespace {

constexpr double kPerCent = 100, kLevel = 0.05;

std::optional<double> if_finite(std::optional<double> value) {
  return value && std::isfinite(*value) ? value : std::nullopt;
}

constexpr Quantity kTestAccuracy = {"test accuracy", "%", 2, true, [](const RunSummary& s) {
                                      return s.final_test ? if_finite(s.final_test->prec1)
                                                          : std::nullopt;
                                    }};
constexpr Quantity kTrainingLoss = {"training loss", "", 4, false,
                                    [](const RunSummary& s) { return if_finite(s.training.loss); }};

constexpr std::array<Quantity, 8> kFurther = {{
    {"best test accuracy", "%", 2, true,
     [](const RunSummary& s) {
       return s.best_test ? if_finite(s.best_test->prec1) : std::nullopt;
     }},
    {"test loss", "", 4, false,
     [](const RunSummary& s) {
       return s.final_test ? if_finite(s.final_test->loss) : std::nullopt;
     }},
    kTrainingLoss,
    {"corrupt slices", "%", 2, false,
     [](const RunSummary& s) {
       if (!s.corrupted || s.slices == 0) return std::optional<double>();
       return std::optional(kPerCent * static_cast<double>(*s.corrupted) /
                            static_cast<double>(s.slices));
     }},
    {"lies found", "%", 1, true,
     [](const RunSummary& s) {
       const auto share = s.detection ? s.detection->recall_of_lies() : std::nullopt;
       return share ? std::optional(kPerCent * *share) : std::nullopt;
     }},
    {"rightly accused", "%", 1, true,
     [](const RunSummary& s) {
       const auto share = s.detection ? s.detection->precision_of_lies() : std::nullopt;
       return share ? std::optional(kPerCent * *share) : std::nullopt;
     }},
    {"answers a slice", "", 2, false,
     [](const RunSummary& s) { return if_finite(s.answers_a_slice()); }},
    {"a step", "s", 4, false,
     [](const RunSummary& s) { return if_finite(s.median_seconds.total); }},
}};

bool has_any(const Results& results, const Quantity& quantity) {
  return std::ranges::any_of(results.rows, [&](const ResultRow& row) {
    return row.state == ResultState::kFinished && quantity.of(row.summary);
  });
}

bool is_about_attack(std::string_view axis) {
  const std::string name = canonical_name(axis);
  if (name.starts_with("attack")) return true;
  return std::ranges::any_of(train_options(), [&](const Option& option) {
    return option.group == kAttack && canonical_name(option.name) == name;
  });
}

std::size_t place_of(const std::vector<std::string>& values, const std::string& value) {
  return static_cast<std::size_t>(std::ranges::find(values, value) - values.begin());
}

}  // namespace

std::size_t ResultCell::count(ResultState state) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(runs, [&](const ResultRow* run) { return run->state == state; }));
}

std::vector<ResultCell> cells_of(const Results& results) {
  std::map<std::vector<std::size_t>, ResultCell> by_values;
  for (const ResultRow& row : results.rows) {
    std::vector<std::size_t> values;
    for (std::size_t axis = 0; axis < results.axes.size(); ++axis)
      values.push_back(place_of(results.axes[axis].values, row.values.at(axis)));
    ResultCell& cell = by_values[values];
    cell.values = values;
    cell.runs.push_back(&row);
  }
  std::vector<ResultCell> cells;
  cells.reserve(by_values.size());
  for (auto& [values, cell] : by_values) cells.push_back(std::move(cell));
  return cells;
}

const Quantity& headline_of(const Results& results) {
  return has_any(results, kTestAccuracy) || !has_any(results, kTrainingLoss) ? kTestAccuracy
                                                                             : kTrainingLoss;
}

std::vector<Quantity> further_quantities(const Results& results) {
  std::vector<Quantity> found;
  for (const Quantity& quantity : kFurther) {
    if (quantity.name != headline_of(results).name && has_any(results, quantity))
      found.push_back(quantity);
  }
  return found;
}

Spread spread_in(const ResultCell& cell, const Quantity& quantity) {
  std::vector<double> values;
  for (const ResultRow* run : cell.runs) {
    if (run->state != ResultState::kFinished) continue;
    if (const std::optional<double> value = quantity.of(run->summary)) values.push_back(*value);
  }
  return spread_of(values);
}

std::size_t compared_axis(const Results& results) {
  for (std::size_t axis = 0; axis < results.axes.size(); ++axis) {
    if (!is_about_attack(results.axes[axis].name)) return axis;
  }
  return 0;
}

std::vector<bool> best_cells(const Results& results, const std::vector<ResultCell>& cells,
                             const Quantity& quantity) {
  std::map<std::vector<std::size_t>, std::vector<std::size_t>> groups;
  const std::size_t axis = compared_axis(results);
  for (std::size_t i = 0; i < cells.size() && !results.axes.empty(); ++i) {
    std::vector<std::size_t> same = cells[i].values;
    same.erase(same.begin() + static_cast<std::ptrdiff_t>(axis));
    const Spread spread = spread_in(cells[i], quantity);
    if (cells[i].is_whole() && spread.n == cells[i].runs.size() && spread.n >= 2)
      groups[same].push_back(i);
  }
  std::vector<bool> is_best(cells.size());
  for (const auto& [same, group] : groups) {
    if (group.size() < 2) continue;
    const auto mean = [&](std::size_t i) {
      const double value = spread_in(cells[i], quantity).mean;
      return quantity.higher_is_better ? value : -value;
    };
    const Spread best = spread_in(cells[*std::ranges::max_element(group, {}, mean)], quantity);
    std::size_t alike = 0;
    for (const std::size_t i : group) {
      is_best[i] = welch_p(spread_in(cells[i], quantity), best).value_or(0) >= kLevel;
      alike += is_best[i] ? 1 : 0;
    }
    for (const std::size_t i : group) is_best[i] = is_best[i] && alike < group.size();
  }
  return is_best;
}

}  // namespace detox
