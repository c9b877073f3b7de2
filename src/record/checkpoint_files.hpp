// The checkpoints of a train directory, by their names. A checkpoint is complete when both its
// files are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/learner.hpp"

namespace detox {

std::filesystem::path model_path(const std::filesystem::path& dir, std::uint64_t step);
std::filesystem::path state_path(const std::filesystem::path& dir, std::uint64_t step);

/// t of ".../model_step_<t>"; empty for other names.
std::optional<std::uint64_t> step_of_model(const std::filesystem::path& model_file);

/// Whether a file of this name, without folders, is model_step_<t> or state_step_<t>.
bool is_checkpoint_name(std::string_view name);

/// Steps of the complete checkpoints, ascending; empty where dir does not exist. InputError where
/// it cannot be read.
std::vector<std::uint64_t> list_checkpoints(const std::filesystem::path& dir);

/// Steps of the model files, with or without a state, ascending; else as list_checkpoints.
std::vector<std::uint64_t> list_models(const std::filesystem::path& dir);

/// The model file of the newest complete checkpoint.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& dir);

/// The step of the newest checkpoint that load_checkpoint accepts. For each newer model file that
/// is damaged, or has no state beside it, the reason is added to `skipped`; a state alone is what a
/// process leaves that was killed between the two, and no checkpoint. So is one whose weights are
/// not finite, where `finite` asks for that. InputError as load_checkpoint where something is wrong
/// that is no damage.
std::optional<std::uint64_t> newest_valid_checkpoint(const std::filesystem::path& dir,
                                                     const ModelLayout& layout,
                                                     std::vector<std::string>& skipped,
                                                     bool finite = false);

/// Whether any model_step_<t> or state_step_<t> is there, complete or not.
bool has_checkpoint_files(const std::filesystem::path& dir);

/// Keeps the newest `keep` complete checkpoints, the newest one before step `diverged_at`, and the
/// oldest one where `keeps_oldest`, and removes the files of older steps; keep = 0 removes nothing.
/// A file that cannot be removed is only warned about.
void prune_checkpoints(const std::filesystem::path& dir, std::size_t keep,
                       std::optional<std::uint64_t> diverged_at = std::nullopt,
                       bool keeps_oldest = false);

/// Removes the files of later steps: a run that goes on from an earlier one computes them again.
void remove_checkpoints_after(const std::filesystem::path& dir, std::uint64_t last);

}  // namespace detox
