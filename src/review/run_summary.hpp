// A run in numbers, from what it left in its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "record/attackers_file.hpp"
#include "review/evaluations.hpp"
#include "review/metrics.hpp"
#include "review/standing.hpp"
#include "review/summary.hpp"

namespace detox {

/// A worker that an arbiter convicted, and the step of its last conviction.
struct Conviction {
  std::uint32_t worker = 0;  ///< from 0
  std::uint64_t step = 0;
  bool operator==(const Conviction&) const = default;
};

/// What the ledger made of simulated lies, counted in two ways.
///
/// By lies: a lie is a worker in a step (each time that it was taken) in which attackers.jsonl (or
/// simulated_truth.hpp, where there is none) has it among `attackers`. An accusation is a worker in
/// a step that attackers.jsonl has, which the ledger accuses there, or calls late and outvoted;
/// several about one worker and step are one.
///
/// By workers, where the liars of a run stay the same: a liar is who lied in any step. Named is who
/// is convicted where an arbiter decides, else who is suspect by the test of docs/security.md.
///
/// Attacks that only delay or silence workers tell no lies: whoever is accused is accused wrongly.
struct Detection {
  std::uint64_t lies = 0;
  std::uint64_t rightly = 0, wrongly = 0;  ///< accusations
  bool liars_stay = false;
  std::size_t liars = 0, named = 0, named_rightly = 0;

  /// Empty where nothing was there to be counted.
  std::optional<double> precision_of_lies() const { return share(rightly, rightly + wrongly); }
  std::optional<double> recall_of_lies() const { return share(rightly, lies); }
  std::optional<double> precision_of_workers() const {
    return liars_stay ? share(named_rightly, named) : std::nullopt;
  }
  std::optional<double> recall_of_workers() const {
    return liars_stay ? share(named_rightly, liars) : std::nullopt;
  }

 private:
  static std::optional<double> share(std::uint64_t part, std::uint64_t all) {
    if (all == 0) return std::nullopt;
    return static_cast<double>(part) / static_cast<double>(all);
  }
};

/// Results count each step once, as it stands; costs each time that it was taken.
struct RunSummary {
  RunCondition condition = RunCondition::kAbsent;
  std::string message;  ///< why it failed or diverged
  Summary training;
  std::optional<Evaluation> final_test;  ///< of the last step that was scored
  std::optional<Evaluation> best_test;   ///< of the greatest Prec@1, the first of equals
  RunCosts costs;
  PhaseSeconds median_seconds = {};  ///< of a step, each phase by itself

  std::uint64_t slices = 0, unresolved = 0, used = 0;  ///< over all steps
  std::optional<std::uint64_t> corrupted;  ///< of the slices; where attacks are simulated
  std::uint64_t skipped = 0;               ///< steps
  /// Answers that were computed for a slice that was used.
  std::optional<double> answers_a_slice() const;

  std::string verdict;                  ///< whom all that is a case against, a line for people
  std::vector<std::uint32_t> suspects;  ///< from 0, ascending; none where an arbiter decides
  std::vector<Conviction> convictions;  ///< by worker
  std::optional<Detection> detection;   ///< where attackers.jsonl or simulated_truth() knows it
};

/// Reads the run in the folder, also while it goes on; no folder and no run are absent. The end of
/// the training is its last `last_steps` steps; 0: as many as default_last_steps() says.
/// InputError, in one line, where a file is damaged. Takes about 9 µs a line of metrics.jsonl and 2
/// µs one of the ledger, and memory as RunMetrics and AttackersTally.
RunSummary summarise_run(const std::filesystem::path& folder, std::uint64_t last_steps = 0);

}  // namespace detox
