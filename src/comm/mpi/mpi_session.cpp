#include "comm/mpi/mpi_session.hpp"

#include <mpi.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>

#include "comm/mpi/mpi_call.hpp"

namespace detox {
namespace {

int number_in_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  int value = otherwise;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end && value >= 0 ? value : otherwise;
}

void on_start_timeout(int /*signal*/) {
  // Only what is safe in a signal handler.
  constexpr std::string_view kLine =
      "detoxml: MPI did not start: not all processes came up in time (--start-timeout)\n";
  if (write(STDERR_FILENO, kLine.data(), kLine.size()) < 0) _exit(1);
  _exit(1);
}

void end_process_after(unsigned seconds, void (*how)(int)) {
  struct sigaction action {};
  action.sa_handler = how;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  alarm(seconds);
}

volatile sig_atomic_t final_exit_code = 0;

void on_hung_abort(int /*signal*/) { _exit(final_exit_code); }

/// MPI_Abort is not made for signal handlers; where it hangs as well, the next alarm ends this
/// process.
void on_hung_finalize(int /*signal*/) {
  constexpr std::string_view kLine = "detoxml: a rank does not end; this one ends the job\n";
  constexpr unsigned kAbortSeconds = 5;
  end_process_after(kAbortSeconds, on_hung_abort);
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kLine.data(), kLine.size());
  MPI_Abort(MPI_COMM_WORLD, final_exit_code);
  _exit(final_exit_code);
}

}  // namespace

bool started_under_mpi() { return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr; }

int rank_under_mpi() { return number_in_environment("OMPI_COMM_WORLD_RANK", 0); }

int size_under_mpi() { return number_in_environment("OMPI_COMM_WORLD_SIZE", 1); }

MpiSession::MpiSession(unsigned finalize_seconds, unsigned start_seconds)
    : finalize_seconds_(finalize_seconds) {
  // One rank is enough to say so: mpirun then ends the others.
  if (start_seconds > 0 && rank_under_mpi() == 0) {
    end_process_after(start_seconds, on_start_timeout);
  }
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "start");
  alarm(0);
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "set its error handler");
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "tell the rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "tell the number of processes");
}

MpiSession::~MpiSession() {
  std::cout.flush();
  std::fflush(nullptr);
  if (rank_ == 0) {
    end_process_after(finalize_seconds_, on_hung_finalize);
  } else {
    end_process_after(2 * finalize_seconds_, on_hung_abort);
  }
  MPI_Finalize();
  alarm(0);
}

void MpiSession::exits_with(int exit_code) { final_exit_code = exit_code; }

void MpiSession::leave_without_finalize(int exit_code) {
  std::cout.flush();
  std::fflush(nullptr);
  _exit(exit_code);
}

}  // namespace detox
