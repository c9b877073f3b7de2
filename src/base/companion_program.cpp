#include "base/companion_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/start_program.hpp"
#include "detox/errors.hpp"

namespace detox {

CompanionProgram::CompanionProgram(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw InputError(fmt::format("no pipe can be made: {}", system_error_text()));
  const FileDescriptor read_end(ends[0]);
  input_ = FileDescriptor(ends[1]);
  process_ = start_program(arguments, read_end, ProgramGroup::kOwn);
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
