// Files of one JSON object a line, to which a run adds a line a step.
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

  /// Opens or creates the file, after truncate_after_step(path, keep_until_step). InputError where
  /// that fails.
  explicit Journal(std::filesystem::path path,
                   std::uint64_t keep_until_step = std::numeric_limits<std::uint64_t>::max());

  /// Adds one line, in one write. Where it cannot be written whole (a full disk), the file is cut
  /// back to what it was and the answer is false; last_error() says why. Text that is not UTF-8 is
  /// replaced, NaN becomes null.
  [[nodiscard]] bool append(const nlohmann::json& line);
  /// The same for a line that is text already, without its newline.
  [[nodiscard]] bool append_text(std::string line);
  const std::string& last_error() const { return last_error_; }

  /// Waits until the disk has all lines. False where that fails; last_error() says why.
  [[nodiscard]] bool sync();

  /// Steps up to keep_until_step that had no line when the file was opened, ascending. It begins
  /// where its first line does; without a line, at step 1. None where there was no file.
  const std::vector<Steps>& gaps() const { return gaps_; }

  /// Drops every line whose "step" is greater, and what is no whole line of JSON. Rewrites the file
  /// atomically, or leaves it alone where there is nothing to drop or no file. Returns the steps of
  /// the lines that stay, in their order.
  static std::vector<std::uint64_t> truncate_after_step(const std::filesystem::path& path,
                                                        std::uint64_t step);

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
};

}  // namespace detox
