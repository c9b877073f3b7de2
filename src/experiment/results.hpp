// A search's results: files for programs, a table for people.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiment/outcome.hpp"
#include "experiment/trial.hpp"

namespace detox {

/// What a search is, once its options are read.
struct Search {
  std::vector<Sweep> sweeps;
  std::vector<Trial> trials;
  Metric metric = Metric::kLoss;
  std::uint64_t last_steps = 1;
};

/// docs/tuning.md has the format. Depends on runs and options alone: no time, no place, no number
/// of jobs.
std::string results_json(const Search& search, const std::vector<Outcome>& outcomes);
std::string results_csv(const Search& search, const std::vector<Outcome>& outcomes);

/// Columns for a terminal, the best run marked, followed by what failed and why.
std::string results_table(const Search& search, const std::vector<Outcome>& outcomes);

/// One line where the best value of a number is at the end of those that were tried; else empty.
std::string advice(const Search& search, const Trial& best);

}  // namespace detox
