// Another program beside this one, for as long as this one goes on.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/file.hpp"

namespace detox {

/// Its standard input ends when this process ends, however that comes about, and then it has to end
/// by itself. It is in a process group of its own, so that Ctrl-C is not for it, has the least
/// claim to the processor, and writes to this process's standard error. Whether it is still there
/// is nobody's business here.
class CompanionProgram {
 public:
  /// InputError where it cannot be started.
  explicit CompanionProgram(const std::vector<std::string>& arguments);
  /// Ends its input, and waits for it, but not for long.
  ~CompanionProgram();
  CompanionProgram(const CompanionProgram&) = delete;
  CompanionProgram& operator=(const CompanionProgram&) = delete;

 private:
  FileDescriptor input_;
  pid_t process_ = -1;
};

}  // namespace detox
