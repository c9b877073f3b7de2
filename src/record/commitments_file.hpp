// commitments.jsonl (docs/formats/run-directory.md): a line a step that binds whoever wrote it to
// the step's weights and answers, and to all lines before it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/digest.hpp"
#include "record/journal.hpp"

namespace detox {

/// What a step left behind.
struct Commitment {
  std::uint64_t step = 0;
  Digest state{};                 ///< over weights, optimizer and rule state after the step
  std::optional<Digest> answers;  ///< over the answers that were used; empty: not committed to
  bool operator==(const Commitment&) const = default;
};

/// The line of a step, without its newline. `before`: the digest of the line before, or
/// first_before().
std::string commitment_line(const Commitment& commitment, const Digest& before);

/// What stands for a line before the first one: SHA-256 over the configuration's digest and the
/// state that the first step began at.
Digest first_before(const std::string& config_digest, const Commitment& start);

/// Adds lines to the file. Not thread-safe.
class CommitmentJournal {
 public:
  /// Cuts the file back to `start.step`, and goes on behind its last line; where there is none, as
  /// first_before() has it. InputError as Journal.
  CommitmentJournal(const std::filesystem::path& file, const std::string& config_digest,
                    const Commitment& start);

  /// False where the line could not be written: the next one then follows the last that was.
  [[nodiscard]] bool append(const Commitment& commitment);
  Journal& journal() { return journal_; }

 private:
  Journal journal_;
  Digest before_;
};

}  // namespace detox
