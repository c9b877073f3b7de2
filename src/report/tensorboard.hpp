// A run for TensorBoard: while it goes on, or once it is there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace detox {

/// Logs a run that this process trains into its own directory, from what the run's journals have
/// got. Not thread-safe.
class LiveEvents {
 public:
  /// Of a run that goes on from `first_step`; its journals may have that step already. InputError
  /// where the file cannot be made, or the run's cannot be read.
  LiveEvents(const std::filesystem::path& run, std::uint64_t first_step);
  ~LiveEvents();

  /// After each step. What could not be written or read, once; else empty.
  std::string read_on();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Writes what the run in a directory gave, the steps that stand, as an event file in `folder`,
/// which is made; the one that an earlier call wrote is replaced. Its times are seconds that the
/// run took, from 0, so that one run gives one file. InputError where a file is not as a run writes
/// it, or cannot be written.
void export_tensorboard(const std::filesystem::path& run, const std::filesystem::path& folder);

}  // namespace detox
