// The folder that a search or an experiment owns: whose it is, and the runs in it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/process_lock.hpp"

namespace detox {

inline constexpr const char* kRunsFolder = "runs";

/// Whether nothing but hidden files, as the lock is, lies in a folder that is there. InputError
/// where it cannot be read; `option` is for messages.
bool is_unused(const std::filesystem::path& dir, std::string_view option);

/// Makes the folder, and holds it. InputError where it cannot be written, or another process is
/// `doing` it there.
ProcessLock lock_own_folder(const std::filesystem::path& dir, std::string_view option,
                            std::string_view doing);

/// Folders of runs by what their names end in: LABEL-KEY. None where there is no such folder.
std::map<std::string, std::filesystem::path> folders_by_key(const std::filesystem::path& runs);

}  // namespace detox
