// Carries out the runs of a search: each a `detoxml train` of its own, several at a time.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiment/place.hpp"
#include "experiment/results.hpp"
#include "experiment/watch.hpp"

namespace detox {

struct RunnerOptions {
  std::string program;             ///< detoxml
  std::filesystem::path dir;       ///< of the search
  std::size_t jobs = 1;            ///< runs at a time; at least 1
  std::size_t cores = 1;           ///< shared by the runs that go on
  std::size_t threads = 0;         ///< of each run; 0: its share of the cores
  std::vector<Place> places = {};  ///< where they go on; none: so many jobs here
};

/// How many runs go on at a time where nobody says.
std::size_t default_jobs(std::size_t cores, std::size_t runs);

/// What the run's folder says, without running anything: waiting where nothing is there,
/// interrupted where it can go on, and its end in numbers where it has one. A failed run is
/// interrupted: it is tried again.
Outcome outcome_in(const std::filesystem::path& folder, std::uint64_t last_steps);

/// Trains every trial that has not come to its end, and scores the last checkpoint where the metric
/// asks for it. A run that fails is an outcome and stops no other. `each` is called on the calling
/// thread after each run, with all outcomes so far. When `stop` becomes true no run is begun, those
/// that go on are asked to leave a checkpoint, and have five minutes for it. A run whose folder is
/// still used by a process that was left over is waited for, a minute at most. InputError where
/// threads cannot be started, or no place is left.
std::vector<Outcome> carry_out(const Search& search, const RunnerOptions& options, Watch& watch,
                               const std::atomic<bool>& stop,
                               const std::function<void(const std::vector<Outcome>&)>& each);

}  // namespace detox
