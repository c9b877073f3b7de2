#include "experiment/curves.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "base/csv_field.hpp"
#include "detox/errors.hpp"
#include "experiment/result_cells.hpp"
#include "record/run_files.hpp"
#include "review/evaluations.hpp"
#include "review/metrics.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostParts = 200;

/// One run's: by step, twice that step so that the middle of two is a number.
using Curve = std::map<std::uint64_t, double>;

struct RunCurves {
  std::vector<StepMetrics> steps;
  Curve tests;
};

/// Empty where a file is damaged.
std::optional<RunCurves> read_curves(const fs::path& folder) {
  try {
    RunMetrics metrics = read_metrics(folder / kMetricsFile);
    RunCurves curves{std::move(metrics.steps), {}};
    for (const Evaluation& one : read_evaluations(folder / kEvaluationsFile, metrics.backs))
      curves.tests[2 * one.step] = one.prec1;
    return curves;
  } catch (const InputError&) {
    return std::nullopt;
  }
}

Curve losses(const std::vector<StepMetrics>& steps, std::uint64_t part) {
  std::map<std::uint64_t, std::pair<double, std::uint64_t>> sums;
  for (const StepMetrics& step : steps) {
    if (!step.loss || !std::isfinite(*step.loss)) continue;
    auto& [sum, count] = sums[(step.step - 1) / part];
    sum += *step.loss;
    ++count;
  }
  Curve curve;
  for (const auto& [number, of] : sums)
    curve[2 * number * part + part + 1] = of.first / static_cast<double>(of.second);
  return curve;
}

std::string rows_of(const std::string& labels, const char* quantity, const char* state,
                    const std::vector<Curve>& curves) {
  std::map<std::uint64_t, std::vector<double>> values;
  for (const Curve& curve : curves) {
    for (const auto& [step, value] : curve) values[step].push_back(value);
  }
  // A run that was interrupted has points of its own there, which would be no means over seeds.
  std::size_t most = 0;
  for (auto step = values.rbegin(); step != values.rend(); ++step) {
    most = std::max(most, step->second.size());
    if (step->second.size() < most) step->second.clear();
  }
  std::string text;
  for (const auto& [twice, at] : values) {
    if (at.empty()) continue;
    const Spread spread = spread_of(at);
    if (!std::isfinite(spread.mean) || !std::isfinite(spread.deviation)) continue;
    text += fmt::format("{}{},{},{},{},{},{}\n", labels, state, quantity,
                        static_cast<double>(twice) / 2, spread.mean,
                        spread.n > 1 ? fmt::format("{}", spread.deviation) : "", spread.n);
  }
  return text;
}

}  // namespace

std::string curves_csv(const Results& results, const fs::path& dir) {
  std::string text;
  constexpr std::array<std::string_view, 6> kOwn = {"state", "quantity",  "step",
                                                    "mean",  "deviation", "seeds"};
  for (const ResultAxis& axis : results.axes) {
    const bool is_own = std::ranges::find(kOwn, axis.name) != kOwn.end();
    text += csv_field(is_own ? "axis " + axis.name : axis.name) + ",";
  }
  text += fmt::format("{}\n", fmt::join(kOwn, ","));
  for (const ResultCell& cell : cells_of(results)) {
    const bool has_finished = cell.count(ResultState::kFinished) > 0;
    const ResultState wanted = has_finished ? ResultState::kFinished : ResultState::kDiverged;
    std::string labels;
    for (const std::string& value : cell.runs.front()->values) labels += csv_field(value) + ",";
    std::vector<RunCurves> runs;
    std::uint64_t last = 0;
    for (const ResultRow* row : cell.runs) {
      if (row->state != wanted) continue;
      std::optional<RunCurves> curves = read_curves(dir / row->folder);
      if (!curves) continue;
      if (!curves->steps.empty()) last = std::max(last, curves->steps.back().step);
      runs.push_back(std::move(*curves));
    }
    const std::uint64_t part = std::max<std::uint64_t>(1, (last + kMostParts - 1) / kMostParts);
    std::vector<Curve> loss_curves, test_curves;
    for (const RunCurves& run : runs) {
      loss_curves.push_back(losses(run.steps, part));
      test_curves.push_back(run.tests);
    }
    const char* state = has_finished ? "finished" : "diverged";
    text += rows_of(labels, "loss", state, loss_curves);
    text += rows_of(labels, "test_prec1", state, test_curves);
  }
  return text;
}

}  // namespace detox
