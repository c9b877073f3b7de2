// Help: the options that people need, and all of them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace detox {

/// `--help` of a command that takes the options of train then shows those that are for every day,
/// and the command's own; `--help-all` shows all.
void show_everyday_options(CLI::App& command);

/// What the letters in the options' texts stand for.
std::string legend();

}  // namespace detox
