// What the server tells a worker at the start: sizes, the simulated attack and derived keys. Never
// the seed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "comm/chunks.hpp"
#include "config/plan.hpp"
#include "detox/learner.hpp"

namespace detox {

struct WorkerSettings {
  std::string network, dataset, codec;
  std::size_t image_size = 0;  ///< of an image folder
  std::string data_dir;  ///< where the server finds the data, for workers that were told no place
  std::size_t workers = 0, slices = 0, samples_per_step = 0;
  Key data_key{}, attack_key{};
  AttackPlan attack;
  bool by_digest = false;  ///< digests first, and of the bytes what the server asks for
  std::size_t chunk_bytes = kChunkBytes;
  std::string compression = "none";  ///< of the chunks of answers: a name of compressors()
  /// Silence of the server after which a worker gives up. While it waits for others the server
  /// gives signs of life, so this need not exceed the deadline of a step.
  double server_timeout_s = 600;
};

std::string to_json(const WorkerSettings& settings);

/// Empty where the text is not what to_json writes.
std::optional<WorkerSettings> settings_from_json(std::string_view text);

/// What a worker says when it is ready; the server compares it with its own.
struct WorkerFacts {
  std::string profile, layout_digest, data_digest;
};

std::string to_json(const WorkerFacts& facts);
std::optional<WorkerFacts> facts_from_json(std::string_view text);

/// SHA-256, hex, over names, shapes, offsets and where the network came from.
std::string layout_digest(const ModelLayout& layout);

}  // namespace detox
