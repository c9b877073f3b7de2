// What a page shows of an experiment, from the results.json in its folder
// (docs/formats/experiment.md).
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace detox {

/// Whether the folder is an experiment's and not a run's. Reads nothing of it.
bool holds_experiment(const std::filesystem::path& folder);

/// {"experiment": ..., "runs": [...]}: the results, its figures as pictures, and its runs, of which
/// the later ones have their curves alone where the page would become too large. InputError, in one
/// line, where results.json or a run is damaged.
nlohmann::json experiment_data(const std::filesystem::path& folder, const std::string& name);

}  // namespace detox
