// Manual pages, made from the program's own commands and options.
#pragma once

#include <map>
#include <string>

#include "cli/help/command_tree.hpp"

namespace detox {

/// One page of section 1 for the program and one for each of its commands, by the name of the file
/// ("detoxml-train.1"), in the man macros of groff; ASCII. `names_of` as for command_tree().
std::map<std::string, std::string> manual_pages(const CommandEntry& program,
                                                const std::string& version);

}  // namespace detox
