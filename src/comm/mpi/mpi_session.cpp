#include "comm/mpi/mpi_session.hpp"

#include <fcntl.h>
#include <mpi.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "comm/mpi/mpi_call.hpp"
#include "comm/result_file.hpp"

namespace detox {
namespace {

void on_missing_start(int /*signal*/) { _exit(1); }

/// What the launcher finds where MPI did not start in time: mpirun may hang with the words below.
/// Empty where no launcher waits.
std::string& late_start_file() {
  static std::string file;
  return file;
}

void on_start_timeout(int /*signal*/) {
  // Only what is safe in a signal handler.
  if (!late_start_file().empty()) creat(late_start_file().c_str(), S_IRUSR | S_IWUSR);
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

constexpr int kEndTag = MpiSession::kEndTag;
constexpr char kHere = 'h', kFinalize = 'f', kLeave = 'l';

/// Somebody else ends the ranks that are left, and knows the run's exit code or does not want it.
bool is_looked_after() {
  const char* recovery = std::getenv("OMPI_MCA_orte_enable_recovery");
  return std::getenv(kResultVariable) != nullptr ||
         (recovery != nullptr && std::string_view(recovery) != "0");
}

/// True once all these requests are complete. Errors count as "not": the caller then leaves.
bool completes(std::vector<MPI_Request>& requests, double seconds) {
  const double deadline = MPI_Wtime() + seconds;
  while (true) {
    int done = 0;
    if (MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done,
                    MPI_STATUSES_IGNORE) != MPI_SUCCESS) {
      return false;
    }
    if (done != 0 || MPI_Wtime() > deadline) return done != 0;
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

/// Rank 0's side of the meeting: whether all ranks may finalize. `here` have said already that they
/// come. Where it returns false, MPI may still write into `words`, one of each worker.
bool everybody_ends(const std::set<int>& lost, const std::map<int, char>& here, double patience_s,
                    std::vector<char>& words) {
  std::vector<MPI_Request> awaited, others;
  const int size = static_cast<int>(words.size()) + 1;
  for (int rank = 1; rank < size; ++rank) {
    if (here.contains(rank)) continue;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Irecv(words.data() + rank - 1, 1, MPI_CHAR, rank, kEndTag, MPI_COMM_WORLD, &request);
    (lost.contains(rank) ? others : awaited).push_back(request);
  }
  const bool all = completes(awaited, patience_s) && completes(others, 0);
  if (!all && !is_looked_after()) return false;  // aborting tells them
  static char word = 0;
  word = all ? kFinalize : kLeave;
  std::vector<MPI_Request> answers(words.size(), MPI_REQUEST_NULL);
  for (int rank = 1; rank < size; ++rank) {
    MPI_Isend(&word, 1, MPI_CHAR, rank, kEndTag, MPI_COMM_WORLD,
              &answers[static_cast<std::size_t>(rank - 1)]);
  }
  constexpr double kDeliverySeconds = 1;
  return completes(answers, kDeliverySeconds) && all;
}

/// `told`: what the server has said already.
bool told_to_finalize(const std::map<int, char>& told, double patience_s) {
  static char here = kHere, word = kLeave;  // outlive a wait that is given up
  std::vector<MPI_Request> requests(2, MPI_REQUEST_NULL);
  MPI_Isend(&here, 1, MPI_CHAR, 0, kEndTag, MPI_COMM_WORLD, requests.data());
  if (told.contains(0)) {
    word = told.at(0);
  } else {
    MPI_Irecv(&word, 1, MPI_CHAR, 0, kEndTag, MPI_COMM_WORLD, requests.data() + 1);
  }
  return completes(requests, patience_s) && word == kFinalize;
}

/// On one machine loopback, behind shared memory. Of another interface Open MPI 5 asks the kernel
/// for the way from its address to itself, gets none through it, and says so on each rank.
void choose_network() {
  constexpr const char* kInclude = "OMPI_MCA_btl_tcp_if_include";
  constexpr const char* kExclude = "OMPI_MCA_btl_tcp_if_exclude";
  if (!all_here_under_mpi() || std::getenv(kExclude) != nullptr) return;
  constexpr int kOverwrite = 0;
  setenv(kInclude, "127.0.0.0/8", kOverwrite);
}

}  // namespace

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  // "Open MPI v4.1.4, package: …, ident: …": who built it is not of interest.
  std::string name(text.data(), static_cast<std::size_t>(length));
  name.resize(std::min(name.size(), name.find_first_of(",\n")));
  const std::size_t v = name.find(" v");
  return v == std::string::npos ? name : name.erase(v + 1, 1);
}

MpiSession::MpiSession(unsigned finalize_seconds, unsigned start_seconds)
    : finalize_seconds_(finalize_seconds) {
  // One rank is enough to say so.
  constexpr unsigned kSecondsMore = 5;
  if (start_seconds > 0 && rank_under_mpi() == 0) {
    const char* result = std::getenv(kResultVariable);
    if (result != nullptr) late_start_file() = result + std::string(kLateSuffix);
    end_process_after(start_seconds, on_start_timeout);
  } else if (start_seconds > 0) {
    end_process_after(start_seconds + kSecondsMore, on_missing_start);
  }
  choose_network();
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
    std::vector<char> words(static_cast<std::size_t>(size_ - 1));
    const bool all = everybody_ends(lost_, end_words_, finalize_seconds_, words);
    if (!all && is_looked_after()) leave_without_finalize(final_exit_code);
    if (!all) on_hung_finalize(0);
    end_process_after(finalize_seconds_, on_hung_finalize);
  } else {
    if (!told_to_finalize(end_words_, 2 * finalize_seconds_))
      leave_without_finalize(final_exit_code);
    end_process_after(2 * finalize_seconds_, on_hung_abort);
  }
  MPI_Finalize();
  alarm(0);
}

void MpiSession::exits_with(int exit_code) { final_exit_code = exit_code; }

}  // namespace detox
