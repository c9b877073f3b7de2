// What a page shows of each worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "review/run_summary.hpp"
#include "review/worker_history.hpp"
#include "review/worker_latency.hpp"

namespace detox {

/// What a run's files say of its workers.
struct WorkerFindings {
  WorkerHistory history;
  std::optional<LatencyHistory> latency;
  std::set<std::uint32_t> suspects;  ///< from 0
};

/// Workers from 0, whom there is most to say against first.
std::vector<std::uint32_t> worst_first(const WorkerFindings& found);

/// Workers x columns; with more than `most_cells` of them those at the end of the order are not
/// there.
nlohmann::json map_json(const WorkerFindings& found, const std::vector<std::uint32_t>& order,
                        std::size_t most_cells);
nlohmann::json workers_json(const WorkerFindings& found, const std::vector<std::uint32_t>& order);
/// The simulated attackers' truth beside the ledger; null where there is none.
nlohmann::json truth_json(const RunSummary& summary, const WorkerHistory& history);

}  // namespace detox
