// state_step_<t>: a safetensors file that carries a digest of itself.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "record/checkpoint.hpp"
#include "record/safetensors.hpp"

namespace detox {

/// Tensors view the state. `model_digest` is the SHA-256, in hexadecimal, of the model file.
/// The entry `digest` is the SHA-256 of the whole file with 64 zeros in its own place.
Safetensors state_content(const ModelLayout& layout, const TrainingState& state,
                          const std::string& model_digest);

struct ParsedState {
  TrainingState state;
  std::string model_digest;
};

/// DamagedFile, opening with `name`, where any byte is not what state_content gives; another
/// InputError where the file is sound, but of another version or network.
ParsedState parse_state(const std::string& name, std::span<const std::byte> bytes,
                        const ModelLayout& layout);

/// SHA-256, in hexadecimal, of all pieces.
std::string digest_of_pieces(std::span<const std::span<const std::byte>> pieces);

}  // namespace detox
