#include "base/child_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "base/clock.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;

constexpr int kMostPartsLeft = 16;

/// Both ends closed at the end, at the latest.
class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) {
      throw InputError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    }
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void close_reading() { close_end(0); }
  void close_writing() { close_end(1); }

 private:
  void close_end(std::size_t end) {
    if (ends_[end] >= 0) close(ends_[end]);
    ends_[end] = -1;
  }
  std::array<int, 2> ends_{-1, -1};
};

/// Everything that the child needs between fork and exec, made before: there it may call nothing
/// that takes a lock.
class Prepared {
 public:
  explicit Prepared(const ChildProgram& program) {
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string_view text = *variable;
      const std::string_view name = text.substr(0, text.find('='));
      const bool replaced = std::any_of(program.environment.begin(), program.environment.end(),
                                        [&](const auto& added) { return added.first == name; });
      if (!replaced) variables_.emplace_back(text);
    }
    for (const auto& [name, value] : program.environment)
      variables_.push_back(fmt::format("{}={}", name, value));
    arguments_ = program.arguments;
    for (std::string& word : arguments_) argument_pointers_.push_back(word.data());
    for (std::string& word : variables_) variable_pointers_.push_back(word.data());
    argument_pointers_.push_back(nullptr);
    variable_pointers_.push_back(nullptr);
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  char* const* arguments() const { return argument_pointers_.data(); }
  char* const* environment() const { return variable_pointers_.data(); }

 private:
  std::vector<std::string> arguments_, variables_;
  std::vector<char*> argument_pointers_, variable_pointers_;
};

struct Streams {
  Pipe input, output, errors, report;
};

/// In the child. Reports errno through the pipe, which an exec that works closes.
[[noreturn]] void become(const Prepared& prepared, const Streams& streams, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  sigset_t none{};
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(streams.input.reading(), STDIN_FILENO);
  dup2(streams.output.writing(), STDOUT_FILENO);
  dup2(streams.errors.writing(), STDERR_FILENO);
  execvpe(prepared.arguments()[0], prepared.arguments(), prepared.environment());
  const int error = errno;
  if (write(streams.report.writing(), &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

pid_t start(const ChildProgram& program, Streams& streams) {
  const Prepared prepared(program);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    throw InputError(
        fmt::format("cannot start {}: {}", program.arguments.front(), std::strerror(errno)));
  }
  if (child == 0) become(prepared, streams, parent);
  streams.input.close_reading();
  streams.output.close_writing();
  streams.errors.close_writing();
  streams.report.close_writing();
  int error = 0;
  ssize_t got = 0;
  do {
    got = read(streams.report.reading(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    waitpid(child, nullptr, 0);
    throw InputError(
        fmt::format("cannot start {}: {}", program.arguments.front(), std::strerror(error)));
  }
  return child;
}

/// One of the child's streams: what it has said, and the line that it is in the middle of.
class Said {
 public:
  Said(int file, const std::function<void(std::string_view)>& on_line)
      : file_(file), on_line_(on_line) {
    fcntl(file_, F_SETFL, O_NONBLOCK);
  }

  int file() const { return open_ ? file_ : -1; }

  /// Takes a part of what is there, without waiting. False where there was nothing.
  bool take() {
    if (!open_) return false;
    std::array<char, 65536> part{};
    const ssize_t got = read(file_, part.data(), part.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return errno == EINTR;
    open_ = got > 0;
    if (open_) add({part.data(), static_cast<std::size_t>(got)});
    return open_;
  }

  /// What the child has left: a pipe holds no more parts, and a grandchild may go on filling it.
  void take_rest() {
    for (int part = 0; part < kMostPartsLeft && take(); ++part) {
    }
  }

  std::string end() {
    if (on_line_ && !line_.empty()) on_line_(line_);
    if (text_.size() > ChildResult::kKept) text_.erase(0, text_.size() - ChildResult::kKept);
    return std::move(text_);
  }

 private:
  void add(std::string_view part) {
    text_ += part;
    if (text_.size() > 2 * ChildResult::kKept) text_.erase(0, text_.size() - ChildResult::kKept);
    if (!on_line_) return;
    for (std::size_t end = part.find('\n'); end != std::string_view::npos; end = part.find('\n')) {
      line_ += part.substr(0, end);
      on_line_(line_);
      line_.clear();
      part.remove_prefix(end + 1);
    }
    line_ += part;
    // A stream without line ends must not fill the memory.
    if (line_.size() > ChildResult::kKept) line_.clear();
  }

  int file_;
  const std::function<void(std::string_view)>& on_line_;
  bool open_ = true;
  std::string text_, line_;
};

/// Feeds the child its input; a child that does not want it is not our concern.
class Fed {
 public:
  Fed(Pipe& pipe, std::string_view text, bool stays_open)
      : pipe_(pipe), left_(text), stays_open_(stays_open) {
    fcntl(pipe_.writing(), F_SETFL, O_NONBLOCK);
    end_if_all_is_given();
  }

  /// -1 where there is nothing to give.
  int file() const { return left_.empty() ? -1 : pipe_.writing(); }

  void end() {
    left_ = {};
    pipe_.close_writing();
  }

  void give() {
    // SIGPIPE is this thread's: held back while writing, and taken away if it came.
    sigset_t broken_pipe{}, before{};
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    const ssize_t written = write(pipe_.writing(), left_.data(), left_.size());
    const int error = errno;
    if (written < 0 && error == EPIPE && sigismember(&before, SIGPIPE) == 0) {
      const timespec at_once{0, 0};
      sigtimedwait(&broken_pipe, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (written >= 0) {
      left_.remove_prefix(static_cast<std::size_t>(written));
    } else if (error != EAGAIN && error != EINTR) {
      left_ = {};
    }
    end_if_all_is_given();
  }

 private:
  void end_if_all_is_given() {
    if (left_.empty() && !stays_open_) pipe_.close_writing();
  }

  Pipe& pipe_;
  std::string_view left_;
  bool stays_open_;
};

/// SIGTERM, or the end of its input, when the time is over, SIGKILL when the grace is.
class TimeLimit {
 public:
  TimeLimit(pid_t child, const ChildProgram& program, Fed& input)
      : child_(child),
        input_(input),
        ends_with_input_(program.ends_with_input),
        grace_(program.grace),
        stop_(program.stop),
        next_(Clock::real().now() + program.time_limit) {}

  void look() {
    const bool stopped = !over_ && stop_ != nullptr && *stop_;
    if (Clock::real().now() < next_ && !stopped) return;
    if (!over_ && ends_with_input_) {
      input_.end();
    } else {
      kill(child_, over_ ? SIGKILL : SIGTERM);
    }
    over_ = true;
    next_ = Clock::real().now() + grace_;
  }
  bool over() const { return over_; }

 private:
  pid_t child_;
  Fed& input_;
  bool ends_with_input_;
  milliseconds grace_;
  const std::atomic<bool>* stop_;
  Clock::time_point next_;
  bool over_ = false;
};

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

ChildResult run_child(const ChildProgram& program) {
  Streams streams;
  const pid_t child = start(program, streams);
  Said output(streams.output.reading(), program.on_line);
  Said errors(streams.errors.reading(), program.on_line);
  Fed input(streams.input, program.input, program.ends_with_input);
  TimeLimit limit(child, program, input);
  int status = 0;
  // The end of the child, and not of its streams, is what counts: a grandchild may keep them open.
  // Looked for between polls, which the end of the streams wakes, in most cases at once.
  while (waitpid(child, &status, WNOHANG) == 0) {
    std::array<pollfd, 3> files{
        {{output.file(), POLLIN, 0}, {errors.file(), POLLIN, 0}, {input.file(), POLLOUT, 0}}};
    const bool silent = output.file() < 0 && errors.file() < 0 && input.file() < 0;
    poll(files.data(), files.size(), silent ? 2 : 20);
    output.take();
    errors.take();
    if ((files[2].revents & (POLLOUT | POLLERR)) != 0) input.give();
    limit.look();
  }
  output.take_rest();
  errors.take_rest();
  ChildResult result;
  result.exit_code = exit_code_of(status);
  result.timed_out = limit.over();
  result.output = output.end();
  result.errors = errors.end();
  return result;
}

bool is_on_path(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = fmt::format("{}/{}", folder.empty() ? "." : folder, program);
    if (access(file.c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace detox
