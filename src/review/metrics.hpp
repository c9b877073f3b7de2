// metrics.jsonl, as it is read back (docs/formats/run-directory.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "record/journal_reader.hpp"
#include "record/step_report.hpp"

namespace detox {

/// A line of metrics.jsonl. Numbers that are not finite are so here, too.
struct StepMetrics {
  std::uint64_t step = 0;
  std::uint64_t attempt = 0;  ///< how often the run had gone back
  double lr = 0;
  std::optional<double> loss;      ///< empty where no slice was resolved
  std::optional<double> accuracy;  ///< of 1; also empty where the network has no classes
  PhaseSeconds seconds = {};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t computed = 0;  ///< answers that were asked for, and the server's own
  std::uint64_t resolved = 0, unresolved = 0;  ///< slices
  std::optional<std::uint64_t> corrupted;      ///< slices; where attacks are simulated
  bool skipped = false;
  bool diverged = false;  ///< weights are not finite after it
  std::string skipped_because;
};

/// The number of a field that a run wrote: of a word, what is not finite. Empty where it has none.
std::optional<double> number_in_line(const nlohmann::json& line, const char* name);

/// Empty where the text is no line of metrics.jsonl about a step.
std::optional<StepMetrics> step_metrics(std::string_view line);

/// What a run cost: every time that a step was taken counts, also where it does not stand.
struct RunCosts {
  std::uint64_t steps = 0;
  PhaseSeconds seconds = {};
  std::uint64_t computed = 0, bytes_in = 0, bytes_out = 0;
};

/// Where a run went back: steps behind `to` were taken again, in this attempt.
struct TakenBack {
  std::uint64_t attempt = 0, from = 0, to = 0;
  bool operator==(const TakenBack&) const = default;
};

/// 170 bytes a step.
struct RunMetrics {
  std::vector<StepMetrics> steps;  ///< those that stand, ascending; some may be missing
  std::vector<TakenBack> backs;
  RunCosts costs;

  void add(StepMetrics step);
  void go_back(const TakenBack& back);
};

/// Keeps a run's metrics up to date, while it goes on or once it has ended.
class MetricsReader {
 public:
  explicit MetricsReader(std::filesystem::path file) : journal_(std::move(file)) {}

  /// Takes in the lines that have come. True where there were any, or where the run has cut lines
  /// off (`metrics` is then what there is now). InputError, with the line, where the file is not
  /// what a run writes: the reader is then of no further use.
  bool read_on(RunMetrics& metrics);

 private:
  JournalReader journal_;
};

/// All of it. No file: no steps. InputError as MetricsReader.
RunMetrics read_metrics(const std::filesystem::path& file);

}  // namespace detox
