// Who was made to lie in a run that left no attackers.jsonl, an earlier version's say: as the
// attackers' own code has it.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "config/plan.hpp"
#include "record/attackers_file.hpp"

namespace detox {

/// For each step of rounds.jsonl that stands what attackers.jsonl would hold. Empty where nothing
/// is simulated, or where it does not follow from the configuration and that file: the attack is a
/// function of another process, or the placement was drawn by --placement-key; of a lazy run nobody
/// wrote down who was asked; rounds.jsonl is not there or larger than kMostRecordedBytes.
/// InputError where it is damaged. `plan` is plan_of_run()'s.
std::optional<std::vector<RecordedLies>> simulated_truth(const std::filesystem::path& folder,
                                                         const RunConfig& config, const Plan& plan);

inline constexpr std::uintmax_t kMostRecordedBytes = std::uintmax_t{256} << 20U;

}  // namespace detox
