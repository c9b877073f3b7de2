// Completion for shells: scripts that hold every command, option and word of a value, so that
// completing does not start the program.
#pragma once

#include <string>

#include "cli/help/command_tree.hpp"

namespace detox {

/// For bash 4.4 or later; needs no bash-completion. Case does not matter in words, as the program
/// itself takes them in any case.
std::string bash_completion(const CommandEntry& program);

/// For zsh, as the function file _detoxml on its fpath, or read by `source` after compinit.
std::string zsh_completion(const CommandEntry& program);

}  // namespace detox
