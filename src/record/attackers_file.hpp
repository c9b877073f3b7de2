// attackers.jsonl (docs/formats/run-directory.md): which workers are made to lie in each step. Only
// where attacks are simulated, and for those who look at a run; nothing of the defence reads it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace detox {

/// Who is made to lie in one step.
struct SimulatedLies {
  std::vector<std::uint32_t> attackers;  ///< workers from 0, ascending
  std::vector<std::uint32_t> silent;     ///< workers that are made to say nothing, likewise
  std::vector<std::uint32_t> owned;      ///< slices whose majority they are, ascending
};

/// The file's line about a step.
nlohmann::json attackers_line(std::uint64_t step, const SimulatedLies& lies);

/// What became of the simulated lies of a run, of every step that the file holds.
struct AttackersFound {
  std::uint64_t lies = 0;            ///< a worker in a step each
  std::uint64_t rightly = 0;         ///< of these: the ledger accuses the worker in that step
  std::uint64_t wrongly = 0;         ///< accused in a step in which it did not lie
  std::vector<std::uint32_t> liars;  ///< who lied in any step, from 0, ascending
};

/// Reads attackers.jsonl and ledger.jsonl in the directory. Accused is who has an accusation or
/// came late and outvoted. Lines that are no such lines are passed over. InputError where a file
/// cannot be read.
AttackersFound find_attackers(const std::filesystem::path& directory);

}  // namespace detox
