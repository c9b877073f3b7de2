// A step as the lines of the run's journals (docs/formats/run-directory.md). Workers are counted
// from 1 there.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "record/step_report.hpp"

namespace detox {

/// metrics.jsonl; `corrupted` is the simulation's truth, where there is a simulation.
nlohmann::json metrics_line(const StepReport& report, std::optional<std::size_t> corrupted);

/// rounds.jsonl: which workers had and which carried each slice, and which
/// slices were aggregated.
nlohmann::json rounds_line(const StepReport& report);

/// ledger.jsonl.
nlohmann::json ledger_line(const LedgerEntry& entry);

}  // namespace detox
