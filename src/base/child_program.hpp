// Other programs, run to their end: ssh, the AWS CLI, this program again. For a job that must be
// watched while it runs see launch/supervise.hpp.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detox {

struct ChildProgram {
  std::vector<std::string> arguments;  ///< the program, looked for on PATH, and its arguments
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to this process's own
  std::string input;                                             ///< its standard input, whole
  /// Its input stays open behind that, and ends in the place of SIGTERM: what ssh has begun on
  /// another machine sees no signal.
  bool ends_with_input = false;
  /// After this it gets SIGTERM, and SIGKILL when its grace is over, too.
  std::chrono::milliseconds time_limit = std::chrono::minutes(10);
  std::chrono::milliseconds grace = std::chrono::seconds(2);
  /// Where this becomes true before, it gets both then.
  const std::atomic<bool>* stop = nullptr;
  /// Called with each line of either stream as it comes, without its end, on the calling thread.
  std::function<void(std::string_view line)> on_line;
};

struct ChildResult {
  int exit_code = 0;           ///< 128 + the signal's number where one ended it
  bool timed_out = false;      ///< or stopped
  std::string output, errors;  ///< of each stream the last kKept bytes

  static constexpr std::size_t kKept = std::size_t{16} << 20U;
  bool ok() const { return exit_code == 0 && !timed_out; }
};

/// Runs it in this process's group, so that Ctrl-C reaches it, too, and returns when it has ended;
/// what it left running is not waited for, although it may hold its streams. It gets SIGTERM when
/// the calling thread ends first. Any number of threads may call this at once. InputError where it
/// cannot be started, as where there is no such program.
ChildResult run_child(const ChildProgram& program);

/// Whether PATH has such a program that may be executed.
bool is_on_path(std::string_view program);

}  // namespace detox
