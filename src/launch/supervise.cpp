#include "launch/supervise.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/private_directory.hpp"
#include "base/process_lock.hpp"
#include "base/signals.hpp"
#include "comm/result_file.hpp"
#include "detox/errors.hpp"
#include "launch/rank_lines.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;

constexpr const char* kLockSuffix = ".server";
constexpr const char* kStartedSuffix = ".started";
constexpr milliseconds kPoll{50};

/// Keeps the signals that ask for an end, and SIGCHLD, for next(). Those that this process was told
/// to ignore (nohup) stay ignored.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&held_);
    sigaddset(&held_, SIGCHLD);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction action {};
      sigaction(signal, nullptr, &action);
      if (action.sa_handler != SIG_IGN) sigaddset(&held_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~HeldSignals() {
    const timespec none{0, 0};
    while (sigtimedwait(&held_, nullptr, &none) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  /// The next signal that asks for an end; 0 after the timeout, and where a child has ended.
  int next(milliseconds timeout) const {
    const timespec time{timeout.count() / 1000, timeout.count() % 1000 * 1'000'000};
    const int signal = sigtimedwait(&held_, nullptr, &time);
    return signal == SIGCHLD ? 0 : std::max(0, signal);
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_{}, before_{};
};

std::optional<int> read_result(const std::filesystem::path& path) {
  std::ifstream file(path);
  int code = 0;
  if (!(file >> code) || code < 0 || code > 255) return std::nullopt;
  return code;
}

/// Whether rank 0 has stood here and does not any more.
bool server_is_gone(const std::filesystem::path& lock_path) {
  std::error_code none;
  return std::filesystem::exists(lock_path, none) &&
         holder_of(lock_path).state == LockHolder::State::kFree;
}

/// In the child. Reports errno through the pipe, which an exec that works closes.
[[noreturn]] void become(const Job& job, const std::string& result_path, const RankOutput* output,
                         const sigset_t& mask, pid_t parent, int report) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  if (output != nullptr) {
    dup2(output->output_end(), STDOUT_FILENO);
    dup2(output->error_end(), STDERR_FILENO);
  }
  for (const auto& [name, value] : job.environment) setenv(name.c_str(), value.c_str(), 1);
  if (job.result_file) {
    setenv(kResultVariable, result_path.c_str(), 1);
  } else {
    unsetenv(kResultVariable);
  }
  std::vector<char*> arguments;
  for (const std::string& argument : job.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  if (write(report, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

pid_t start(const Job& job, const std::string& result_path, const RankOutput* output,
            const sigset_t& mask) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    throw InputError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) become(job, result_path, output, mask, parent, pipe_ends[1]);
  int error = child < 0 ? errno : 0;
  close(pipe_ends[1]);
  if (child > 0 && read(pipe_ends[0], &error, sizeof error) > 0) waitpid(child, nullptr, 0);
  close(pipe_ends[0]);
  if (error == ENOENT) {
    throw InputError(job.arguments[0] +
                     " is not on the PATH: install Open MPI (Debian: openmpi-bin)");
  }
  if (error != 0) {
    throw InputError(fmt::format("cannot start {}: {}", job.arguments[0], std::strerror(error)));
  }
  return child;
}

/// Everything whose parent is this process, as /proc has it.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    std::getline(file, line);
    const std::size_t end = line.rfind(')');  // the name before it may hold anything
    if (end == std::string::npos || line.size() < end + 4) continue;
    if (std::atoi(line.c_str() + end + 4) == parent) found.push_back(std::atoi(name.c_str()));
  }
  return found;
}

/// Rank 0 as long as it has not said where it stands: whoever of mpirun's children its environment
/// names so. It may be killed before it can say anything.
class UnbornServer {
 public:
  void look(pid_t mpirun) {
    // Where a launcher is a rank itself, all its descendants are called so.
    if (process_ != 0 || std::getenv("OMPI_COMM_WORLD_RANK") != nullptr) return;
    using namespace std::string_view_literals;
    for (const pid_t child : children_of(mpirun)) {
      std::ifstream file(fmt::format("/proc/{}/environ", child), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      if (('\0' + text).find("\0OMPI_COMM_WORLD_RANK=0\0"sv) != std::string::npos) process_ = child;
    }
  }
  bool is_gone() const { return process_ != 0 && kill(process_, 0) != 0 && errno == ESRCH; }

 private:
  pid_t process_ = 0;
};

/// The job's process, and whatever it has left behind.
class Family {
 public:
  explicit Family(pid_t head) : head_(head) {}

  /// Takes in what has ended; true once the head has.
  bool collect() {
    int status = 0;
    for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended == head_) status_ = status;
    }
    return status_.has_value();
  }

  /// As a shell has it: 128 + the signal where one ended it, also where it is still to end.
  int head_exit_code() const {
    if (!status_) return 128 + SIGKILL;
    return WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 128 + WTERMSIG(*status_);
  }

  void tell(int signal) const {
    if (!status_) kill(head_, signal);
  }

  pid_t head() const { return head_; }

  /// SIGTERM to the job's group, so that mpirun can end its ranks everywhere; SIGKILL to all that
  /// is left.
  void end(const HeldSignals& signals, const Patience& patience) {
    const Clock::time_point term_deadline = Clock::real().now() + patience.end_after_term;
    if (!collect()) kill(-head_, SIGTERM);
    while (!collect() && Clock::real().now() < term_deadline) signals.next(kPoll);
    if (!collect()) kill(-head_, SIGKILL);
    // This process is the reaper of its descendants: an orphan becomes its child, and then its
    // children do.
    const Clock::time_point kill_deadline = Clock::real().now() + patience.end_after_kill;
    for (;;) {
      const std::vector<pid_t> left = children_of(getpid());
      for (const pid_t child : left) kill(child, SIGKILL);
      if (collect() && left.empty()) return;
      if (Clock::real().now() >= kill_deadline) {
        log_warning("process {} of the job cannot be ended", fmt::join(left, ", "));
        return;
      }
      signals.next(milliseconds(5));
    }
  }

 private:
  pid_t head_;
  std::optional<int> status_;
};

}  // namespace

bool under_launcher() { return std::getenv(kResultVariable) != nullptr; }

bool leave_result(int exit_code) {
  const char* path = std::getenv(kResultVariable);
  if (path == nullptr) return false;
  const std::string temporary = std::string(path) + ".new";
  std::ofstream file(temporary);
  file << exit_code << '\n';
  file.close();
  if (file && std::rename(temporary.c_str(), path) == 0) return true;
  log_warning("the exit code {} could not be left for the launcher in {}: {}", exit_code, path,
              std::strerror(errno));
  return false;
}

void stand_as_server() {
  const char* result = std::getenv(kResultVariable);
  if (result == nullptr) return;
  const std::string path = result + std::string(kLockSuffix), temporary = path + ".new";
  // Held as long as the process lives, so nobody takes it apart; renamed when locked, so that it is
  // never seen unlocked before.
  static std::optional<ProcessLock>& lock = *new std::optional<ProcessLock>;
  std::string why = "it is taken";
  try {
    LockHolder holder;
    lock = ProcessLock::take(temporary, holder);
    if (lock && std::rename(temporary.c_str(), path.c_str()) == 0) return;
    if (lock) why = std::strerror(errno);
  } catch (const std::system_error& error) {
    why = error.code().message();
  }
  log_warning("the launcher will not notice this process's death: {}: {}", temporary, why);
}

void tell_that_mpi_has_started() {
  const char* result = std::getenv(kResultVariable);
  if (result != nullptr) std::ofstream(result + std::string(kStartedSuffix)).flush();
}

namespace {

struct Outcome {
  int exit_code = 1;
  bool has_result = false;  ///< the code is what rank 0 has left
  int stopped_by = 0;       ///< the signal that asked for an end
};

struct End {
  int stopped_by = 0;
  bool server_gone = false, by_itself = false, started = false, late = false;
};

Outcome ended_without_result(const Job& job, const Family& family, const End& end) {
  const auto [stopped_by, server_gone, by_itself, started, late] = end;
  if (stopped_by != 0) {
    log_info("the job was stopped before the run had a result");
    return {128 + stopped_by, false, stopped_by};
  }
  if (job.result_file && job.why_not_started && !started) {
    log_info("{} before MPI had started: {}{}",
             server_gone ? std::string("the server (rank 0) is gone")
                         : fmt::format("the job ended ({} exit code {})", job.arguments[0],
                                       family.head_exit_code()),
             late ? "not all processes came up in time (--start-timeout): " : "",
             job.why_not_started());
    return {};
  }
  if (server_gone) {
    log_info(
        "the server (rank 0) is gone, killed or crashed: the job was ended; go on with --resume "
        "auto");
    return {};
  }
  if (by_itself && !job.result_file) return {family.head_exit_code()};
  log_info("the job ended without a result ({} exit code {})", job.arguments[0],
           family.head_exit_code());
  return {};
}

Outcome supervise_one(const Job& job, const Patience& patience, const HeldSignals& signals) {
  const PrivateDirectory directory;
  const std::filesystem::path result_path = directory.path() / "result";
  std::optional<RankOutput> output;
  if (job.tagged_lines) output.emplace(*job.tagged_lines);
  Family family(start(job, result_path, output ? &*output : nullptr, signals.before()));
  try {
    if (output) output->begin();
  } catch (const InputError&) {
    family.end(signals, patience);
    throw;
  }

  int stopped_by = 0;
  std::optional<int> result;
  bool server_gone = false;
  UnbornServer unborn;
  const std::string lock_path = result_path.string() + kLockSuffix;
  Clock::time_point deadline = Clock::time_point::max();
  while (!family.collect() && Clock::real().now() < deadline) {
    const int signal = signals.next(kPoll);
    if (signal != 0) {
      if (stopped_by != 0) break;
      stopped_by = signal;
      log_info("asked the run to end with a checkpoint; once more ends it at once");
      family.tell(SIGUSR1);
      deadline = std::min(deadline, Clock::real().now() + patience.end_after_signal);
    }
    if (result || server_gone) continue;
    if (job.result_file && !std::filesystem::exists(lock_path)) unborn.look(family.head());
    server_gone = unborn.is_gone() || server_is_gone(lock_path);
    result = read_result(result_path);  // after that look: it is left before the process ends
    if (server_gone || result) {
      const auto left = result ? patience.end_after_result : patience.last_words;
      deadline = std::min(deadline, Clock::real().now() + left);
    }
  }
  const bool by_itself = family.collect();
  family.end(signals, patience);
  if (output) output->finish();
  if (!result) result = read_result(result_path);
  // Whoever told the whole job to end told this process too, perhaps after the ranks.
  while (stopped_by == 0 && (stopped_by = signals.next(milliseconds(0))) != 0) {
  }

  if (result == kInterruptedExitCode && stopped_by == 0) {
    log_info("the run was interrupted, and not by its launcher: a process of it ended early");
    return {};
  }
  if (result) return {*result, true, stopped_by};
  const bool started = std::filesystem::exists(result_path.string() + kStartedSuffix);
  const bool late = std::filesystem::exists(result_path.string() + kLateSuffix);
  return ended_without_result(job, family, {stopped_by, server_gone, by_itself, started, late});
}

}  // namespace

int supervise(const Job& job, const Patience& patience, const NextJob& next) {
  const HeldSignals signals;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  Outcome outcome = supervise_one(job, patience, signals);
  while (next && outcome.has_result && outcome.stopped_by == 0) {
    const std::optional<Job> following = next(outcome.exit_code);
    if (!following) break;
    outcome = supervise_one(*following, patience, signals);
  }
  return outcome.exit_code;
}

}  // namespace detox
