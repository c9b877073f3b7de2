#include "base/companion_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <thread>

#include "detox/errors.hpp"

extern char**
    environ;  // NOLINT(readability-redundant-declaration): not in unistd.h without _GNU_SOURCE

namespace detox {

CompanionProgram::CompanionProgram(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw InputError(fmt::format("no pipe can be made: {}", system_error_text()));
  const FileDescriptor read_end(ends[0]);
  input_ = FileDescriptor(ends[1]);

  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, read_end.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  const int error =
      posix_spawn(&process_, words.front(), &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    process_ = -1;
    throw InputError(fmt::format("{} cannot be started: {}", arguments.front(),
                                 std::generic_category().message(error)));
  }
  constexpr int kLeastClaim = 19;
  setpriority(PRIO_PROCESS, static_cast<id_t>(process_), kLeastClaim);
}

CompanionProgram::~CompanionProgram() {
  using namespace std::chrono_literals;
  input_.close();
  constexpr auto kLook = 10ms, kPatience = 3000ms;
  for (auto waited = 0ms; waited < kPatience; waited += kLook) {
    if (waitpid(process_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(kLook);
  }
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

}  // namespace detox
