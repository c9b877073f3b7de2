// What preparing data sets needs of the file system, beyond src/record: nothing half, nothing
// overwritten, and one process at a time.
#pragma once

#include <filesystem>

#include "base/file.hpp"
#include "base/process_lock.hpp"

namespace detox {

/// Creates the folder and keeps other detoxml processes out of it for as long as this lives, by a
/// lock on the folder itself. InputError where the folder cannot be made, or somebody else holds
/// it.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);

 private:
  ProcessLock lock_;
};

/// Whether anything has this name, dangling links included.
bool is_taken(const std::filesystem::path& name);

/// Gives a finished file or folder its final name and makes that durable. InputError where the name
/// is taken: what a user has is not overwritten. For a file, its bytes are made durable first.
void publish(const std::filesystem::path& finished, const std::filesystem::path& name);

/// Makes a file durable. InputError where the system reports an error (a full disk, say).
void make_durable(const std::filesystem::path& file);

/// Removes what a killed run or a refused download left of ours; files and whole folders. Links are
/// removed, not followed. InputError where it cannot.
void remove_left_over(const std::filesystem::path& name);

}  // namespace detox
