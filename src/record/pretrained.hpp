// Weights that somebody else wrote, as what a run begins with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/learner.hpp"

namespace detox {

struct Pretrained {
  ModelState model;
  std::vector<std::string> notes;  ///< what was done to the file's tensors, a line each
};

/// A safetensors file with the state_dict of this network, as other programs write it: with
/// "module." or another word before the names, under the names of the original's ResNets and
/// DenseNet, in another floating-point type, without num_batches_tracked. Such differences are
/// noted. `initial` is what the last layer keeps where `fresh_head`, and what is not in the file
/// and counts nothing. InputError, opening with the file's name, where the file cannot be read,
/// tensors are missing, unknown or of another shape, or a value is NaN or infinite.
Pretrained load_pretrained(const std::filesystem::path& file, const ModelLayout& layout,
                           const ModelState& initial, bool fresh_head);

}  // namespace detox
