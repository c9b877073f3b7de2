#pragma once

#include <string>
#include <vector>

#include "base/shell_line.hpp"  // how own_arguments() are shown

namespace detox {

/// The file of the program that runs. InputError where the system does not tell.
std::string own_program();

/// The words that this process was started with, its own name first. InputError as above.
std::vector<std::string> own_arguments();

/// The words behind the first -- of own_arguments(), as they are: the parser takes words apart that
/// look like lists. Without such words, what it made of them.
std::vector<std::string> words_passed_on(const std::vector<std::string>& parsed);

}  // namespace detox
