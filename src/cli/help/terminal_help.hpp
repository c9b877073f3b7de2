// Help as wide as the terminal it is read in.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace detox {

/// Lines longer than so many columns go on below where their text begins. Commands to copy stay
/// whole, and so do words.
std::string wrapped_help(std::string_view text, std::size_t columns);

/// Wraps where standard output is a terminal; elsewhere an option is a line.
class TerminalHelp : public CLI::Formatter {
 public:
  TerminalHelp();
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

}  // namespace detox
