// A journal as it is read by others, also while the run adds to it: its whole lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace detox {

/// Holds a line and a piece of the file, whatever its size. Not thread-safe.
class JournalReader {
 public:
  explicit JournalReader(std::filesystem::path file) : file_(std::move(file)) {}

  using Take = std::function<void(std::string_view line)>;

  /// Calls `take` for each whole line that has come since the last call, without its newline; what
  /// follows the last newline is a line that is being written, or never was. No file has no lines.
  /// False, and nothing taken, where lines that were taken are there no longer (a run that was
  /// resumed has cut them off): the next call begins at the first line again. InputError where the
  /// file cannot be read, or has a line longer than kLongestLine.
  bool read_on(const Take& take);

  /// Of the line that is being taken, from 1.
  std::uint64_t line_number() const { return line_number_; }
  const std::filesystem::path& file() const { return file_; }

  /// InputError: "FILE:LINE: is no line of `what`".
  [[noreturn]] void refuse(std::string_view what) const;

  static constexpr std::size_t kLongestLine = std::size_t{64} << 20U;

 private:
  bool open();

  std::filesystem::path file_;
  FileDescriptor fd_;  ///< held, so that another file cannot get its number
  std::uint64_t taken_ = 0, line_number_ = 0;
  std::string piece_;
};

/// The round (base/round_number.hpp) of a journal's line; empty where it is of none.
std::optional<std::uint64_t> round_of_line(const nlohmann::json& line);

}  // namespace detox
