// What server and workers tell each other before the first step: a welcome, what a worker answers,
// and the settings of those that take part. Never the seed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/learner.hpp"
#include "comm/chunks.hpp"
#include "config/attack_plan.hpp"

namespace detox {

/// What a learner, its data and a probe gradient are made of, before anybody knows who takes part.
struct WorkerWelcome {
  std::string network, dataset;
  std::size_t image_size = 0;  ///< of an image folder
  std::string data_dir;  ///< where the server finds the data, for workers that were told no place
  /// Of users' own, where simulated attackers know the rules: a worker opens their files before it
  /// is ready (config/rule_file.hpp).
  std::vector<std::string> rules;
  /// Of a user's own: each worker loads its file as well (config/own_attack.hpp); else empty.
  std::string attack;
  Key probe_key{};
  std::size_t probe_samples = 1;  ///< 1 to kMostProbeSamples
  /// Silence of the server after which a worker gives up. While it waits for others the server
  /// gives signs of life, so this need not exceed the deadline of a step.
  double server_timeout_s = 600;
};

std::string to_json(const WorkerWelcome& welcome);

/// Empty where the text is not what to_json writes.
std::optional<WorkerWelcome> welcome_from_json(std::string_view text);

/// What a worker says when it is ready. All of it is only what it says (engine/admission.hpp).
struct WorkerFacts {
  std::string profile, layout_digest, data_digest, probe_digest;
  std::string host, processor;  ///< for people
};

std::string to_json(const WorkerFacts& facts);

/// Empty where the text is not what to_json writes, or a part of it is longer than 1000 bytes.
std::optional<WorkerFacts> facts_from_json(std::string_view text);

/// Which worker a rank is: its place among those that take part, ascending. Empty where it is left
/// out.
std::optional<std::uint32_t> worker_of(std::span<const int> ranks, int rank);

/// What follows from the plan, which depends on who takes part. The same for all, sent to all
/// ranks: one that is not in `ranks` is left out and waits for the end.
struct WorkerSettings {
  std::vector<int> ranks;  ///< worker w is rank ranks[w]; ranks that the job lacks are nobody
  std::string codec;
  std::size_t slices = 0, samples_per_step = 0;
  std::size_t seats = 0;  ///< workers of all slices, each as often as it has one, at the most
  Key data_key{}, attack_key{};
  AttackPlan attack;
  bool by_digest = false;  ///< digests first, and of the bytes what the server asks for
  std::size_t chunk_bytes = kChunkBytes;
  std::string compression = "none";  ///< of the chunks of answers: a name of compressors()

  std::size_t workers() const { return ranks.size(); }
};

std::string to_json(const WorkerSettings& settings);
std::optional<WorkerSettings> settings_from_json(std::string_view text);

/// SHA-256, hex, over names, shapes, offsets and where the network came from.
std::string layout_digest(const ModelLayout& layout);

}  // namespace detox
