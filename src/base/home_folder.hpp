// The one meaning of "~" in a path, on the command line and in files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace detox {

/// HOME, or where that is not set what passwd says of this user; empty where neither knows.
std::optional<std::filesystem::path> home_folder();

/// As a shell has it, also where none has looked: "~" and "~/x" are this user's home and a path in
/// it, "~name/x" is in that of another user whom passwd knows. Anything else stays as it is; "./~"
/// is a file of that name. UsageError where this user has no home.
std::string with_home(std::string_view path);

}  // namespace detox
