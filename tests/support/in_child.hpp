// Runs something in a process of its own, where limits and mounts harm nobody.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace detox {

/// The exit code of the child, which is what `action` returns; -1 where it died otherwise.
template <class Action>
int in_child(const Action& action) {
  const pid_t child = fork();
  if (child < 0) {
    ADD_FAILURE() << "cannot fork";
    return -1;
  }
  if (child == 0) _exit(action());
  int status = 0;
  if (waitpid(child, &status, 0) != child) ADD_FAILURE() << "cannot wait";
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace detox
