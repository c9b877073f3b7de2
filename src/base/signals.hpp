// Ctrl-C and SIGTERM as a wish to stop at the next step.
#pragma once

#include <atomic>

namespace detox {

/// Installs handlers of SIGINT, SIGTERM, SIGHUP and SIGUSR1 (the launcher's way to ask) that set
/// the flag returned. A second SIGINT ends the process at once, with exit code 130.
const std::atomic<bool>& stop_on_signals();

/// The same flag; installs nothing.
const std::atomic<bool>& stop_flag();

/// For workers under MPI: they stop when the server says so.
void ignore_stop_signals();

/// A limit on the size of files and a closed pipe are then errors of the write, as a full disk is,
/// and kill nobody.
void report_failed_writes_as_errors();

/// A closed pipe ends the process quietly again.
void end_with_the_reader();

/// What a run that was asked to stop exits with.
constexpr int kInterruptedExitCode = 130;

}  // namespace detox
