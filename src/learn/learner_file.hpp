// The learner module as a file: which one, and what it says of itself before it is opened.
#pragma once

#include <filesystem>
#include <string>

namespace detox {

/// From now on the module is this file, also for programs that this one starts: DETOX_LEARNER names
/// it. An empty path changes nothing. Before the first network, and before threads.
void use_learner(const std::filesystem::path& file);

/// The file that DETOX_LEARNER names, or the one that was installed with this program.
std::filesystem::path learner_file();

/// What a module's note says (learner_module.h).
struct LearnerNote {
  int interface = 0;
  std::string computes_with;  ///< "libtorch 1.13.1"
};

/// Read from the ELF file, which is not opened as a library. InputError, with how to choose another
/// file, where it is missing, is no learner module or is one with another interface.
LearnerNote read_learner_note(const std::filesystem::path& file);

}  // namespace detox
