// One process at a time, on every file system.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace detox {

/// Who holds a lock, as far as can be seen from here.
struct LockHolder {
  enum class State {
    kFree,
    kHeld,
    kUnknown  ///< the file system has no locks, and who took it is on another machine
  };
  State state = State::kFree;
  std::string who;  ///< "process 4711 on node-3"; empty where nothing says

  /// For the end of a sentence about a lock that cannot be had: " (process 4711 on node-3)", and
  /// what to do where nobody can tell; or nothing.
  std::string in_words(const std::filesystem::path& lock) const;
};

/// Held until it goes, or the process ends, however that happens; against other processes and other
/// objects of this one. Movable.
///
/// It is an flock on the file, which also holds a note of who took it. Where the file system has no
/// flock (some network file systems) the note alone counts: its process is looked for by number,
/// start and machine. So a process that was killed holds nothing there either, unless it ran on
/// another machine: then nobody can tell, and the user is asked to look. A folder may be locked in
/// place of a file: its note is a file in it, made only where there is no flock.
class ProcessLock {
 public:
  ProcessLock() = default;
  ~ProcessLock() { release(); }
  ProcessLock(ProcessLock&& other) noexcept;
  ProcessLock& operator=(ProcessLock&& other) noexcept;

  /// Makes the file if need be. Empty where somebody else holds it, or may: `holder` says who. A
  /// line says so where the file system has no flock. std::system_error where the file cannot be
  /// opened for writing. Waits a tenth of a second at most, or one without flock.
  static std::optional<ProcessLock> take(const std::filesystem::path& lock, LockHolder& holder,
                                         mode_t mode = 0666);

 private:
  void release();

  int fd_ = -1, note_fd_ = -1;
  bool is_noted_ = false;                 ///< the note is this object's
  std::filesystem::path note_to_remove_;  ///< in a folder
};

/// Looks, and takes nothing. Nobody also where there is no such file.
LockHolder holder_of(const std::filesystem::path& lock);

}  // namespace detox
