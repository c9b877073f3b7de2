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
#include "base/round_number.hpp"
#include "record/journal.hpp"

namespace detox {

/// What a step left behind.
struct Commitment {
  std::uint64_t step = 0;
  Digest state{};                 ///< over weights, optimizer and rule state after the step
  std::optional<Digest> answers;  ///< over the answers that were used; empty: not committed to
  std::uint64_t attempt = 0;      ///< how often the run had gone back
  bool operator==(const Commitment&) const = default;
};

/// The line of a step, without its newline. `before`: the digest of the line before, or
/// first_before().
std::string commitment_line(const Commitment& commitment, const Digest& before);

/// A run that has gone back to step `to`: steps behind it do not stand any more, and `attempt`
/// begins.
struct BackCommitment {
  std::uint64_t attempt = 0, from = 0, to = 0;
};

/// Its line, likewise.
std::string back_line(const BackCommitment& back, const Digest& before);

/// What stands for a line before the first one: SHA-256 over the configuration's digest and the
/// state that the first step began at.
Digest first_before(const std::string& config_digest, const Commitment& start);

/// Lines from step `first` on, up to one of which step `last` is the last that stands: its digest
/// binds to all of them.
struct CommitmentChain {
  std::string configuration = {};  ///< its digest
  std::uint64_t first = 0, last = 0;
  Digest line{};
  std::uint64_t attempt = 0;  ///< of that line
  std::uint64_t round() const { return round_number(attempt, last); }
};

/// Adds lines to the file. Not thread-safe.
class CommitmentJournal {
 public:
  /// Cuts the file back to the step and attempt of `start`, and goes on behind its last line; where
  /// there is none, as first_before() has it. InputError as Journal.
  CommitmentJournal(const std::filesystem::path& file, const std::string& config_digest,
                    const Commitment& start);

  /// False where the line could not be written: the next one then follows the last that was.
  [[nodiscard]] bool append(const Commitment& commitment);
  [[nodiscard]] bool append(const BackCommitment& back);
  Journal& journal() { return journal_; }

  /// All lines that were written; empty where there are none.
  const std::optional<CommitmentChain>& chain() const { return chain_; }
  const std::filesystem::path& file() const { return file_; }

 private:
  bool append(const std::string& line, CommitmentChain up_to_here);

  std::filesystem::path file_;
  Journal journal_;
  std::string configuration_;
  std::optional<CommitmentChain> chain_;
  Digest before_;
};

/// The file, read back: the steps that stand. Immutable.
class RecordedCommitments {
 public:
  /// InputError, naming the line, where the file is not there, is longer than a run writes, holds
  /// anything but whole lines of consecutive steps as a run writes them, or where a line is not the
  /// one that the next was written behind. Where it has gone back last, no step may stand. Lines
  /// may be missing of steps that do not stand.
  explicit RecordedCommitments(const std::filesystem::path& file);
  /// The file's text; `name` is for messages.
  RecordedCommitments(std::string name, std::string_view text);

  const std::string& name() const { return name_; }
  std::uint64_t first_step() const { return first_; }
  /// first_step() - 1 where none stands.
  std::uint64_t last_step() const { return first_ + lines_.size() - 1; }
  /// Where the last line leaves the run.
  std::uint64_t last_round() const { return round_number(attempt_, last_step()); }
  /// Of a step that is there.
  const Commitment& at(std::uint64_t step) const { return line(step).commitment; }
  const Digest& before(std::uint64_t step) const { return line(step).before; }
  /// Of the file's first line, whether or not its step stands.
  const Digest& begins_behind() const { return first_before_; }
  /// All lines that there are.
  CommitmentChain chain(const std::string& configuration) const;
  /// The last step that stands whose line was there when this was the last line; empty where no
  /// line is that one.
  std::optional<std::uint64_t> last_step_of(const CommitmentChain& chain) const;
  /// How many steps were taken back.
  std::uint64_t taken_back() const { return all_.size() - backs_ - lines_.size(); }

 private:
  struct Line {
    Commitment commitment;
    Digest before;
    std::size_t number;  ///< of the file's lines, from 0
  };
  const Line& line(std::uint64_t step) const {
    return lines_[static_cast<std::size_t>(step - first_step())];
  }
  void read(std::string_view text);
  void add(std::string_view line);
  [[noreturn]] void refuse_order(std::size_t number, std::uint64_t step, std::uint64_t expected,
                                 bool is_back) const;

  std::string name_;
  std::vector<Line> lines_;  ///< that stand
  std::uint64_t first_ = 1, attempt_ = 0;
  std::size_t backs_ = 0;
  Digest first_before_{};
  struct Written {
    Digest digest;
    std::uint64_t round;  ///< that it leaves the run at
  };
  std::vector<Written> all_;  ///< lines of the file
};

}  // namespace detox
