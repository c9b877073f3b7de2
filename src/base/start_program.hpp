// Another program whose input is this process's business.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/file.hpp"

namespace detox {

enum class ProgramGroup {
  kOurs,  ///< what this process's group is told it is told, too, but for the signals ignored here
  kOwn,   ///< Ctrl-C is not for it, and it ignores no signal
};

/// Starts a program, looked for on PATH unless its name has a slash, with its arguments: its
/// standard input is `input`, and what it prints goes to standard error. Not stopped and not waited
/// for here. InputError where it cannot be started.
pid_t start_program(const std::vector<std::string>& arguments, const FileDescriptor& input,
                    ProgramGroup group);

}  // namespace detox
