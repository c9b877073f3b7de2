// How a run of a search ended, and what it is judged by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "review/summary.hpp"

namespace detox {

/// What runs are compared by.
enum class Metric { kLoss, kAccuracy, kTestAccuracy };

/// "loss", "accuracy", "test-accuracy".
std::string_view to_string(Metric metric);

/// UsageError, with the nearest and all valid names, for an unknown one.
Metric metric_named(std::string_view name);

enum class TrialState { kWaiting, kFinished, kDiverged, kFailed, kInterrupted };

/// "waiting", "finished", "diverged", "failed", "interrupted".
std::string_view to_string(TrialState state);

struct Outcome {
  TrialState state = TrialState::kWaiting;
  std::filesystem::path folder;
  Summary summary;                                 ///< where the run finished or diverged
  std::optional<double> test_loss, test_accuracy;  ///< where they were asked for; of 1
  std::string message;                             ///< why it failed
};

/// What the run is compared by; empty where it must not be chosen.
std::optional<double> score_of(const Outcome& outcome, Metric metric);

/// Indices: the best first, runs that must not be chosen last, equals in their order.
std::vector<std::size_t> ranked(const std::vector<Outcome>& outcomes, Metric metric);

}  // namespace detox
