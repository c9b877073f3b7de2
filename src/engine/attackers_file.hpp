// attackers.jsonl (docs/formats/run-directory.md): which workers are made to lie in each step. Only
// where attacks are simulated, and for those who look at a run; nothing of the defence reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/adversary.hpp"
#include "record/journal.hpp"

namespace detox {

/// Adds a line a step. The adversary outlives it.
class AttackersFile {
 public:
  /// The journal in the directory is cut back to `step`. InputError where it cannot be written.
  AttackersFile(const Adversary& adversary, std::vector<Absence> absences,
                const std::filesystem::path& directory, std::uint64_t step);

  /// Who lies in this step: the drawn workers, but for those who are absent in it. Returns how many
  /// slices they own. A line that cannot be written is warned of once.
  std::size_t add(std::uint64_t step, const Assignment& assignment);

 private:
  const Adversary& adversary_;
  std::vector<Absence> absences_;
  Journal journal_;
  bool has_warned_ = false;
};

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
