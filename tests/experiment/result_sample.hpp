// Results without runs.
#pragma once

#include <string>
#include <vector>

#include "experiment/result_rows.hpp"

namespace detox {

/// A run that finished with this test accuracy.
inline ResultRow finished_run(std::vector<std::string> values, std::uint64_t seed, double prec1) {
  ResultRow row;
  row.values = std::move(values);
  row.seed = seed;
  row.key = "k" + std::to_string(seed);
  row.folder = "runs/" + row.key;
  row.state = ResultState::kFinished;
  row.summary.condition = RunCondition::kFinished;
  row.summary.final_test = Evaluation{.step = 100, .loss = 0.5, .prec1 = prec1, .prec5 = 99};
  row.summary.best_test = row.summary.final_test;
  row.summary.training.steps = row.summary.costs.steps = 100;
  row.summary.training.loss = 0.25;
  row.summary.median_seconds.total = 0.125;
  return row;
}

inline ResultRow other_run(std::vector<std::string> values, std::uint64_t seed, ResultState state,
                           std::string message) {
  ResultRow row = finished_run(std::move(values), seed, 0);
  row.state = state;
  row.message = std::move(message);
  row.summary = {};
  return row;
}

}  // namespace detox
