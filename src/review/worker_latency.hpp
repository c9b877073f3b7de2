// How long workers took to answer, from latency.bin: by worker, and by worker and column of steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "record/latency.hpp"
#include "review/step_columns.hpp"

namespace detox {

struct WorkerLatency {
  std::optional<double> median, within_95;  ///< seconds; 95 of 100 answers took no longer
  std::uint64_t last_answer = 0;            ///< the last step with an answer; 0: none
};

struct LatencyHistory {
  std::vector<WorkerLatency> workers;
  /// workers x columns: the mean of a column's codes, so the geometric mean of its times; where
  /// nothing was answered, kNotAnswered, and kNotOrdered where nothing was asked.
  std::vector<LatencyCode> codes;
};

/// Of the steps in these columns. Empty where there is no latency.bin. InputError, in one line,
/// where it is damaged or of other workers. Memory: 16 kB a worker; time: 3 ns a worker and step.
std::optional<LatencyHistory> read_latency_history(const std::filesystem::path& folder,
                                                   std::size_t workers, const StepColumns& columns);

}  // namespace detox
