// What a run can be resumed from: two safetensors files a checkpoint (docs/formats/checkpoint.md).
// Nothing of engine, host, thread count, time or path is in either: one configuration and step
// gives one sequence of bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/learner.hpp"

namespace detox {

/// What training needs besides the model.
struct TrainingState {
  std::uint64_t step = 0;             ///< steps taken so far: the next one is this
  std::vector<float> momentum;        ///< one a parameter, or empty where there is none yet
  std::vector<float> last_aggregate;  ///< of a rule that begins at it; else empty
  std::string config_digest;          ///< of the resolved configuration, as the caller defines it
  std::string profile;                ///< numerical_profile() of the run
  std::map<std::string, std::string>
      facts;  ///< rule state and counters (skipped_in_row, ...), UTF-8
};

struct Checkpoint {
  ModelState model;
  TrainingState state;
};

/// Writes state_step_<t> and then model_step_<t> into dir, each atomically. InputError where that
/// fails; a checkpoint of an earlier step is then untouched, and no half checkpoint of this one is
/// left. Sizes that do not fit the layout are our bug. Costs one pass of SHA-256 over the model and
/// two over the momentum.
void save_checkpoint(const std::filesystem::path& dir, const ModelLayout& layout,
                     const ModelState& model, const TrainingState& state);

/// The model alone. InputError where the file is damaged, or is of another network: the first
/// tensor that is missing, unknown or of another shape is named. `digest`, unless null, gets the
/// SHA-256, in hexadecimal, of what was read.
ModelState load_model(const std::filesystem::path& file, const ModelLayout& layout,
                      std::string* digest = nullptr);

/// model_step_<t>, with state_step_<t> beside it. DamagedFile (damaged_file.hpp) where either is
/// not as it was written: the state carries its own digest and the model's. Any other InputError is
/// of files that cannot be read, or that are whole and of another network, step or version.
Checkpoint load_checkpoint(const std::filesystem::path& model_file, const ModelLayout& layout);

}  // namespace detox
