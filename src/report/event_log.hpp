// A file of TensorBoard's events that grows with a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "report/event_record.hpp"

namespace detox {

/// Not thread-safe. Every call ends in one write, so that readers see whole events or wait.
class EventLog {
 public:
  /// A new file in the folder, whose name comes after those of all event files there. InputError
  /// where it cannot be made.
  explicit EventLog(const std::filesystem::path& folder);

  /// From `step` on nothing counts that was logged before, here or in earlier files: how
  /// TensorBoard takes a run that was resumed or went back.
  [[nodiscard]] bool start(std::uint64_t step);
  [[nodiscard]] bool add(std::uint64_t step, std::vector<Scalar> scalars);
  /// Where an event cannot be written whole the file is cut back to what it was, and the call
  /// answers false.
  const std::string& last_error() const { return last_error_; }

  const std::filesystem::path& file() const { return file_; }

 private:
  bool write(const ScalarEvent& event);

  std::filesystem::path file_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
  std::string last_error_;
};

/// Begins the names of event files; what follows decides their order.
inline constexpr std::string_view kEventFiles = "events.out.tfevents.";

}  // namespace detox
