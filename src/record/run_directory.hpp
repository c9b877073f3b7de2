// The folder that a run owns (docs/formats/run-directory.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/process_lock.hpp"

namespace detox {

enum class RunState { kRunning, kFinished, kInterrupted, kFailed, kDiverged };

/// "running", "finished", "interrupted", "failed", "diverged".
std::string_view to_string(RunState state);

/// What machines workers, counted from 0, say that they are: for people, and never believed.
using HostsOfWorkers = std::map<std::uint32_t, std::string>;

struct RunStatus {
  RunState state = RunState::kRunning;
  std::uint64_t step = 0;  ///< steps taken
  std::string message;     ///< one line for people, or empty
  /// Where workers were when they were convicted, as far as that is known.
  HostsOfWorkers convicted_on = {};
};

/// What run.json says; empty where there is none. InputError where it is damaged. From any process,
/// at any time.
std::optional<RunStatus> read_status(const std::filesystem::path& dir);

/// Who holds the run directory now: a run that says "running" and is held by nobody was killed.
/// Does not wait. Nobody also where there is no such directory.
LockHolder user_of_run_directory(const std::filesystem::path& dir);

/// Whether anything of a run is there: its configuration, status, journals or checkpoints.
/// InputError where the directory cannot be read.
bool holds_run(const std::filesystem::path& dir);

/// Holds the directory's lock as long as it lives, against other processes and other objects of
/// this one. Movable.
class RunDirectory {
 public:
  /// Makes the directory (and those above it). InputError where it cannot be written, another
  /// process is using it, or it holds another run; one that failed before its first step is none,
  /// and its files are removed.
  static RunDirectory create(const std::filesystem::path& dir);

  /// InputError where it is not there, cannot be written or is in use. Whether it holds the run
  /// that is meant is for the caller to find out: nothing but the lock is touched.
  static RunDirectory open_for_resume(const std::filesystem::path& dir);

  /// Moves the run that is in the directory aside, with all that lies there, in one go and under
  /// its lock, and returns to where: NAME.old-1 beside it, or the next that is free. Empty, and
  /// nothing done, where there is no run. InputError where a process is using it, it is no run's
  /// alone (it holds a folder, or is the home or the current directory) or it cannot be moved.
  static std::filesystem::path move_aside(const std::filesystem::path& dir);

  const std::filesystem::path& path() const { return dir_; }

  /// Removes half-written files of a run's that a killed process left. Only once it is known that
  /// the run here is this one; create() has done it.
  void remove_leftovers() const;

  /// run.json, atomically. InputError where that fails; the previous one then stays.
  void write_status(const RunStatus& status) const;

  /// config.toml, atomically.
  void write_config(std::string_view text) const;

 private:
  RunDirectory(std::filesystem::path dir, ProcessLock lock);

  std::filesystem::path dir_;
  ProcessLock lock_;
};

}  // namespace detox
