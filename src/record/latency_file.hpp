// latency.bin (docs/formats/run-directory.md): how long each worker took in each step. Records are
// of one size, so any part of a long run can be read alone.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "record/latency.hpp"

namespace detox {

/// As a run writes it. Not thread-safe; not durable before sync(). The file is not empty from its
/// first record on.
class LatencyJournal {
 public:
  /// Drops the records of later rounds than keep_until, and what is no whole record. A file that is
  /// not of so many workers and this configuration is begun anew. InputError where it cannot be
  /// opened.
  LatencyJournal(std::filesystem::path path, std::size_t workers, std::string_view config_digest,
                 std::uint64_t keep_until);

  /// Adds a step's record. Where it cannot be written whole (a full disk) the file is cut back to
  /// what it was and the answer is false; last_error() says why.
  [[nodiscard]] bool append(std::uint64_t round, const StepLatency& latency);
  /// Adds that the run has gone back to a step, in the attempt that the round is of.
  [[nodiscard]] bool append_back(std::uint64_t round);
  /// Into its step's record, where that is one of the last kLateRecords.
  [[nodiscard]] bool amend(const LateLatency& late);
  const std::string& last_error() const { return last_error_; }

  /// Waits until the disk has all records. False where that fails; last_error() says why.
  [[nodiscard]] bool sync();

  /// Of the last record that there was when the file was opened.
  std::optional<std::uint64_t> last_attempt() const { return last_attempt_; }
  /// Whether there was a file that is gone, because it was another one's.
  bool is_begun_anew() const { return is_begun_anew_; }

  static constexpr std::size_t kLateRecords = 3;

 private:
  struct Written {
    std::uint64_t round, at;
    StepLatency latency;
  };
  void keep_up_to(std::uint64_t round, std::uint64_t size);
  std::span<const std::byte> record(std::uint64_t round, std::span<const LatencyCode> codes);
  bool write(std::uint64_t at, std::span<const std::byte> bytes);
  bool add(std::span<const std::byte> record);

  std::filesystem::path path_;
  std::string header_;
  std::size_t workers_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;  ///< bytes of the header and whole records
  std::deque<Written> latest_;
  std::vector<std::byte> record_;
  std::string last_error_;
  std::optional<std::uint64_t> last_attempt_;
  bool is_begun_anew_ = false;
};

/// As it is read back: the steps that stand. Reads the rounds of all records at first, and the
/// times of a step when they are asked for. Threads may share it.
class RecordedLatency {
 public:
  struct Step {
    std::uint64_t step, attempt;
    std::uint64_t at;  ///< its place in the file
  };

  /// Part of a record at the end is one that is being written. InputError where the file cannot be
  /// read or is not as a run writes it.
  explicit RecordedLatency(const std::filesystem::path& file);

  std::size_t workers() const { return workers_; }
  /// Of the run's configuration, as its checkpoints have it.
  const std::string& config_digest() const { return config_digest_; }
  /// Ascending; those are missing whose record did not fit on the disk.
  const std::vector<Step>& steps() const { return steps_; }

  /// The codes (workers()) of one of steps(). InputError where they are none that a run writes.
  void read(const Step& step, std::span<LatencyCode> codes) const;

 private:
  void read_header();
  void read_rounds();
  bool read_at(std::uint64_t at, std::span<std::byte> bytes) const;

  std::string name_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
  std::size_t workers_ = 0;
  std::string config_digest_;
  std::vector<Step> steps_;
};

}  // namespace detox
