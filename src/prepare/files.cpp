#include "prepare/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const char* what, const fs::path& name) {
  throw InputError(fmt::format("cannot {} {}: {}", what, name.string(), system_error_text()));
}

/// EINVAL: this file system cannot do it for folders, and so does not need it.
void sync_name(const fs::path& name, int flags) {
  const FileDescriptor fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!fd.is_open() || (::fsync(fd.get()) != 0 && errno != EINVAL)) refuse("write", name);
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw InputError(
        fmt::format("cannot create the folder {}: {}", folder.string(), error.message()));
  }
  LockHolder holder;
  try {
    auto lock = ProcessLock::take(folder, holder);
    if (lock) lock_ = std::move(*lock);
    if (lock) return;
  } catch (const std::system_error& failure) {
    throw InputError(failure.what());
  }
  throw InputError(fmt::format("{}: another detoxml is preparing data there{}", folder.string(),
                               holder.in_words(folder)));
}

bool is_taken(const fs::path& name) {
  struct stat status {};
  return ::lstat(name.c_str(), &status) == 0;
}

void make_durable(const fs::path& file) { sync_name(file, 0); }

void publish(const fs::path& finished, const fs::path& name) {
  make_durable(finished);
  if (is_taken(name)) {
    throw InputError(fmt::format("{} is there already; it is not overwritten", name.string()));
  }
  if (::rename(finished.c_str(), name.c_str()) != 0) refuse("write", name);
  sync_name(name.has_parent_path() ? name.parent_path() : fs::path("."), O_DIRECTORY);
}

void remove_left_over(const fs::path& name) {
  std::error_code error;
  fs::remove_all(name, error);
  if (error) {
    throw InputError(fmt::format("cannot remove {}: {}", name.string(), error.message()));
  }
}

}  // namespace detox
