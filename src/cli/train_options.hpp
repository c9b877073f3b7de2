// The options of `detoxml train` on a command line.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "config/given_options.hpp"

namespace detox {

/// Adds every option of the list, and --config, to the command.
std::shared_ptr<GivenOptions> add_train_options(CLI::App& command);

}  // namespace detox
