// How the launcher watches mpirun, and how a run tells the launcher its exit code. mpirun's own
// code says little: it is 0 although a rank died, and mpirun may never end at all (a lost host).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace detox {

/// Whether a launcher waits for this run's exit code. Looks at DETOX_RESULT_FILE alone.
bool under_launcher();

/// Leaves the run's exit code for the launcher, atomically; rank 0 calls it once, when everything
/// is on disk. False (with a line on standard error) where it could not be left, and where no
/// launcher waits: then the process's own exit code must carry it. Where it could, the process may
/// end with 0, or with a failure so that mpirun ends the other ranks at once.
bool leave_result(int exit_code);

/// Tells the launcher, where one waits, that rank 0 is this process, so that it notices its death:
/// a lock beside the result file, which the system takes back however a process ends. Rank 0 calls
/// it once, early; a warning where it does not work.
void stand_as_server();

/// Tells the launcher, where one waits, that MPI has started: an end without a result is no start
/// that failed then. Rank 0 calls it once.
void tell_that_mpi_has_started();

/// What supervise() is patient about: 4 + 3 s, and then SIGKILL, keep a job whose result is there
/// below 10 s.
struct Patience {
  std::chrono::milliseconds end_after_result{4'000};  ///< between the result and the job's own end
  std::chrono::milliseconds last_words{
      1'000};  ///< in which mpirun passes on what a server has said that is gone without a result
  std::chrono::milliseconds end_after_signal{
      30'000};  ///< between the first signal and everything's end
  std::chrono::milliseconds end_after_term{3'000};   ///< between SIGTERM and SIGKILL
  std::chrono::milliseconds end_after_kill{10'000};  ///< with what not even SIGKILL ends
};

struct Job {
  std::vector<std::string> arguments;  ///< the program, looked for on PATH, and its arguments
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to this process's own
  bool result_file =
      true;  ///< false: rank 0 is on another machine, and the job's own exit code counts
  /// What it prints is a stream of mpirun --tag-output, to be shown as whole lines: with the rank
  /// before each, or without. Empty: its streams are this process's own.
  std::optional<bool> tagged_lines = {};
  /// Asked where the job ends without a result before MPI has started: what may be the reason, in
  /// words. Empty: nobody tells when it has.
  std::function<std::string()> why_not_started = {};
};

/// What to start next after a job whose rank 0 has left this result; nothing ends it there.
using NextJob = std::function<std::optional<Job>(int exit_code)>;

/// Runs the job in a process group of its own, its input closed, and returns the exit code of the
/// launcher:
///  - the run's own, once rank 0 has left it; a job that then does not end is killed after
///  end_after_result;
///  - 1 with a line, where rank 0 is gone and has left none: mpirun with recovery would go on
///  without a server;
///  - 1 with a line, where the job ended without a result (or its own exit code where there is no
///  result file), or where the run was interrupted though nobody asked the launcher for that:
///  mpirun stops the ranks that are left when one has died;
///  - 128 + the signal's number, where a signal ended it before the run had a result.
/// SIGINT, SIGTERM or SIGHUP is passed to the job as SIGUSR1, which mpirun forwards to all ranks:
/// rank 0 takes it as "finish with a checkpoint", workers ignore it. A second one, or
/// end_after_signal without an end, kills everything. Processes on other hosts end with mpirun's
/// daemon there, and it with mpirun, whatever state that is in; only a host whose daemon is stopped
/// and never continued, or that is cut off, keeps its workers until they miss the server. No
/// process of the job on this machine is left when it returns, but for one that the system cannot
/// end (it waits for a dead file server, say), which is named; if this process is killed itself,
/// the job gets SIGTERM. Called on the main thread of a process that has no other children.
/// InputError where the program cannot be started.
/// `next` is asked after each job that has a result of rank 0's, unless somebody wanted an end: no
/// signal between two jobs is lost.
int supervise(const Job& job, const Patience& patience = {}, const NextJob& next = {});

}  // namespace detox
