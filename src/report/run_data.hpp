// What a page shows, as JSON: docs/reports.md has its shape.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace detox {

/// How finely steps are told apart, so that a page of several runs stays one that opens at once.
struct ReportDetail {
  std::size_t curve_points = 1000, phase_points = 300, map_columns = 300;
  std::size_t map_cells = 150000;  ///< workers x columns, of which those with the least to say go

  /// For a page with so many runs.
  static ReportDetail for_runs(std::size_t runs);
};

/// One run. `name`: how the page calls it; its commands name the folder. InputError, in one line,
/// where there is no run in the folder or a file of it is damaged.
nlohmann::json run_data(const std::filesystem::path& folder, const std::string& name,
                        const ReportDetail& detail = {});

/// Leaves out most of a run whose page would become too large.
void leave_curves_alone(nlohmann::json& run);

/// {"title": ..., "runs": [...]}: the runs in these folders, named by what their paths have not in
/// common; or
/// {"title": ..., "experiment": ..., "runs": [...]}: the experiment in the one that there is, and
/// its runs. UsageError where two of them are the same, or an experiment is one of several. Of
/// several runs those behind the first `most_bytes` have their curves alone.
nlohmann::json report_data(const std::vector<std::string>& folders,
                           std::size_t most_bytes = 2'000'000);

}  // namespace detox
