// The options of a run as a user gave them, and the configuration that they make: from the command
// line, from configuration files and from a run that goes on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/options.hpp"

namespace detox {

/// A word of the command line that is no option as it stands, and the value that comes with it.
struct UnknownWord {
  std::string word, value;
};

/// What the user gave, before it means anything.
struct GivenOptions {
  std::vector<Setting> settings;  ///< in the order of the options
  std::vector<UnknownWord> unknown;
  std::vector<std::string> config_files;    ///< in order, later ones win
  bool has(std::string_view option) const;  ///< on the command line or in the file
};

/// Those of a configuration file. UsageError and InputError as parse_settings.
std::vector<Setting> settings_of_file(const std::string& file);

/// The configuration of the user's options alone: defaults, then --config, then the command line.
/// UsageError with all that is wrong with them, a line each.
RunConfig given_config(const GivenOptions& given);

/// The same on top of what a run recorded in its directory: engine, threads and directory are not
/// taken from there.
RunConfig given_config_over(const GivenOptions& given, const std::filesystem::path& recorded);

/// What a run recorded. InputError where the file is missing or damaged.
RunConfig recorded_config(const std::filesystem::path& recorded);

}  // namespace detox
