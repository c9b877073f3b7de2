#include "experiment/own_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "detox/errors.hpp"

namespace detox {

namespace fs = std::filesystem;

bool is_unused(const fs::path& dir, std::string_view option) {
  std::error_code error;
  fs::directory_iterator entries(dir, error);
  if (error) {
    throw InputError(fmt::format("{} {}: {}", option, dir.string(), error.message()));
  }
  return std::all_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with('.');
  });
}

ProcessLock lock_own_folder(const fs::path& dir, std::string_view option, std::string_view doing) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) {
    throw InputError(fmt::format("cannot make {} {}: {}", option, dir.string(), error.message()));
  }
  const fs::path lock = dir / ".lock";
  LockHolder holder;
  try {
    if (auto held = ProcessLock::take(lock, holder)) return std::move(*held);
  } catch (const std::system_error& failure) {
    throw InputError(
        fmt::format("cannot write to {} {}: {}", option, dir.string(), failure.code().message()));
  }
  throw InputError(
      fmt::format("another process is {} in {}; wait for its end or choose another {}{}", doing,
                  dir.string(), option, holder.in_words(lock)));
}

std::map<std::string, fs::path> folders_by_key(const fs::path& runs) {
  std::map<std::string, fs::path> there;
  std::error_code error;
  for (fs::directory_iterator entry(runs, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    there.emplace(name.substr(name.rfind('-') + 1), entry->path());
  }
  return there;
}

}  // namespace detox
