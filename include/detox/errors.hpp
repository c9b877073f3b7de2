// Errors that are the user's or the environment's fault. They carry one clear line (what, where,
// what would be valid) and the exit code of the program; the process edge (src/cli/main.cpp) is the
// only place that catches them. What an adversary sends is never an exception, and our own bugs are
// DETOX_ASSERT (src/base/assert.hpp).
#pragma once

#include <stdexcept>
#include <string>

#include "detox/needs_cpp20.hpp"

namespace detox {

/// Base of the kinds below; `exit_code()` is what the process ends with.
class Error : public std::runtime_error {
 public:
  Error(const std::string& message, int exit_code)
      : std::runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

/// An option, a configuration or a combination of them that cannot work. Exit code 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(message, 2) {}
};

/// A file, a directory, a process or a machine that is not as it must be. Exit code 1.
class InputError : public Error {
 public:
  explicit InputError(const std::string& message) : Error(message, 1) {}
};

/// Too many steps in a row could not be defended. Exit code 3.
class UndefendedError : public Error {
 public:
  explicit UndefendedError(const std::string& message) : Error(message, 3) {}
};

/// Too few workers compute the same bits for the same input. Exit code 4: the launcher starts the
/// run again under the portable numerical profile.
class DisagreementError : public Error {
 public:
  static constexpr int kExitCode = 4;
  explicit DisagreementError(const std::string& message) : Error(message, kExitCode) {}
};

/// The weights are no longer finite. Exit code 5.
class DivergedError : public Error {
 public:
  static constexpr int kExitCode = 5;
  explicit DivergedError(const std::string& message) : Error(message, kExitCode) {}
};

/// Asked to stop before there was anything to keep. Exit code 130, as a shell has it after Ctrl-C.
class InterruptedError : public Error {
 public:
  explicit InterruptedError(const std::string& message) : Error(message, 130) {}
};

}  // namespace detox
