// commitments.jsonl (docs/formats/run-directory.md): a line a step that binds whoever wrote it to
// the step's weights and answers, and to all lines before it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// Lines of steps `first` to `last`: the digest of the last one binds to all of them.
struct CommitmentChain {
  std::string configuration;  ///< its digest
  std::uint64_t first = 0, last = 0;
  Digest line{};
};

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

  /// All lines that were written; empty where there are none.
  const std::optional<CommitmentChain>& chain() const { return chain_; }
  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  Journal journal_;
  std::string configuration_;
  std::optional<CommitmentChain> chain_;
  Digest before_;
};

/// The file, read back. Immutable.
class RecordedCommitments {
 public:
  /// InputError, naming the line, where the file is not there, is longer than a run writes, holds
  /// anything but whole lines of consecutive steps as a run writes them, or where a line is not the
  /// one that the next was written behind.
  explicit RecordedCommitments(const std::filesystem::path& file);
  /// The file's text; `name` is for messages.
  RecordedCommitments(std::string name, std::string_view text);

  const std::string& name() const { return name_; }
  std::uint64_t first_step() const { return lines_.front().commitment.step; }
  std::uint64_t last_step() const { return lines_.back().commitment.step; }
  /// Of a step that is there.
  const Commitment& at(std::uint64_t step) const { return line(step).commitment; }
  const Digest& before(std::uint64_t step) const { return line(step).before; }
  /// Up to a step that is there.
  CommitmentChain chain(const std::string& configuration, std::uint64_t last) const;

 private:
  struct Line {
    Commitment commitment;
    Digest before;
  };
  const Line& line(std::uint64_t step) const {
    return lines_[static_cast<std::size_t>(step - first_step())];
  }
  void read(std::string_view text);

  std::string name_;
  std::vector<Line> lines_;
};

}  // namespace detox
