#include "base/start_program.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

#include "detox/errors.hpp"

namespace detox {

pid_t start_program(const std::vector<std::string>& arguments, const FileDescriptor& input,
                    ProgramGroup group) {
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none{}, all{};
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  const int of_its_own = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF;
  posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSIGMASK | (group == ProgramGroup::kOwn ? of_its_own : 0)));
  pid_t process = 0;
  const int error =
      posix_spawnp(&process, words.front(), &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    throw InputError(fmt::format("cannot start {}: {}", arguments.front(),
                                 std::generic_category().message(error)));
  }
  return process;
}

}  // namespace detox
