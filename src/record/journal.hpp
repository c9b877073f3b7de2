// Files of one JSON object a line, to which a run adds a line a step. Where it has gone back, its
// later lines have "attempt", how often it had: then a step has a line in each attempt, and the
// last one stands.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"

namespace detox {

/// Only ever appended to. Not thread-safe. Not durable before sync(): after a power failure later
/// lines may be missing.
class Journal {
 public:
  /// Consecutive steps, both ends in.
  struct Steps {
    std::uint64_t first, last;
    bool operator==(const Steps&) const = default;
  };

  /// Opens or creates the file, after truncate_after(path, keep_until). InputError where that
  /// fails.
  explicit Journal(std::filesystem::path path,
                   std::uint64_t keep_until = std::numeric_limits<std::uint64_t>::max());

  /// Adds one line, in one write. Where it cannot be written whole (a full disk), the file is cut
  /// back to what it was and the answer is false; last_error() says why. Text that is not UTF-8 is
  /// replaced, NaN becomes null.
  [[nodiscard]] bool append(const nlohmann::json& line);
  /// The same for a line that is text already, without its newline.
  [[nodiscard]] bool append_text(std::string line);
  const std::string& last_error() const { return last_error_; }

  /// Waits until the disk has all lines. False where that fails; last_error() says why.
  [[nodiscard]] bool sync();

  /// Steps up to that of keep_until that had no line when the file was opened, ascending. It begins
  /// where its first line does; without a line, at step 1. None where there was no file.
  const std::vector<Steps>& gaps() const { return gaps_; }
  /// The attempt of the last line that there was then; empty where there was none.
  std::optional<std::uint64_t> last_attempt() const { return last_attempt_; }

  /// Drops every line of a later round (round_number() of its "attempt" and "step"), and what is no
  /// whole line of JSON. Rewrites the file atomically, or leaves it alone where there is nothing to
  /// drop or no file. Returns the rounds of the lines that stay, in their order.
  static std::vector<std::uint64_t> truncate_after(const std::filesystem::path& path,
                                                   std::uint64_t round);

  /// "step" of the last whole line; empty where there is none. Reads the file: not for every step.
  static std::optional<std::uint64_t> last_step(const std::filesystem::path& path);

 private:
  bool refuse();

  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;  ///< bytes of whole lines
  bool torn_ = false;       ///< bytes of a broken line lie behind them
  std::string last_error_;
  std::vector<Steps> gaps_;
  std::optional<std::uint64_t> last_attempt_;
};

}  // namespace detox
