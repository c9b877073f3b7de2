// How a run of a search ended, and what it is judged by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// A line of metrics.jsonl, as far as it matters here.
struct StepMetrics {
  std::uint64_t step = 0;
  bool resolved = false;       ///< whether any slice had a majority: else there is no loss
  std::optional<double> loss;  ///< empty where it is not finite
  std::optional<double> accuracy;
  double seconds = 0;
};

/// InputError, with the line, where the file is not what a run writes.
std::vector<StepMetrics> read_metrics(const std::filesystem::path& file);

/// A run's end in numbers: means over the last `last` steps that had a loss.
struct Summary {
  std::uint64_t steps = 0;  ///< that were taken
  std::uint64_t steps_counted = 0;
  std::optional<double> loss;  ///< empty where one of them is not finite
  double loss_error = 0;       ///< standard error of that mean, as if steps were independent
  std::optional<double> accuracy;
  double seconds = 0;  ///< of all steps
  /// A loss among them is not finite, or their mean is more than kDiverged times that of the first
  /// step that has one.
  bool diverged = false;

  static constexpr double kDiverged = 2;
};

/// A tenth of them, at least 5: fewer say little, as the loss of a step is that of few samples.
std::uint64_t default_last_steps(std::uint64_t max_steps);

Summary summarise(const std::vector<StepMetrics>& metrics, std::uint64_t last);

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
