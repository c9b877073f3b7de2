// What the runs of an experiment gave, a row a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "review/run_summary.hpp"

namespace detox {

/// What is varied, but for the seed, and the names of its values, in the file's order.
struct ResultAxis {
  std::string name;
  std::vector<std::string> values;
};

enum class ResultState { kWaiting, kFinished, kDiverged, kRefused, kFailed, kInterrupted };

/// "waiting", "finished", "diverged", "refused", "failed", "interrupted".
std::string_view to_string(ResultState state);

struct ResultRow {
  std::vector<std::string> values;  ///< one an axis
  std::uint64_t seed = 0;
  std::string key;
  std::filesystem::path folder;  ///< relative to the experiment's
  ResultState state = ResultState::kWaiting;
  std::string message;  ///< why it was refused or failed, a line
  RunSummary summary;   ///< where it finished, diverged or was interrupted
};

struct Results {
  std::string name, command;  ///< the experiment's, and what made it
  std::vector<ResultAxis> axes;
  std::vector<ResultRow> rows;
};

}  // namespace detox
