#include "base/home_folder.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

/// What passwd says of the user of this name, or where it is empty of this one.
std::optional<std::string> home_in_passwd(const std::string& name) {
  constexpr std::size_t kMost = std::size_t{1} << 16U;
  std::vector<char> words(kMost);
  passwd entry{};
  passwd* found = nullptr;
  const int error = name.empty()
                        ? getpwuid_r(geteuid(), &entry, words.data(), words.size(), &found)
                        : getpwnam_r(name.c_str(), &entry, words.data(), words.size(), &found);
  if (error != 0 || found == nullptr || found->pw_dir == nullptr) return std::nullopt;
  return found->pw_dir;
}

}  // namespace

std::optional<std::filesystem::path> home_folder() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return home;
  return home_in_passwd("");
}

std::string with_home(std::string_view path) {
  if (!path.starts_with('~')) return std::string(path);
  const std::string_view name = path.substr(1, path.find('/') - 1);
  std::optional<std::string> home;
  if (!name.empty()) {
    home = home_in_passwd(std::string(name));
    if (!home) return std::string(path);  // then it is a name that begins so
  } else if (const auto own = home_folder()) {
    home = own->string();
  } else {
    throw UsageError(fmt::format(
        "{}: HOME is not set, and user {} has no entry in passwd; valid: a path without ~",
        printable(path), geteuid()));
  }
  const std::string_view rest = path.substr(1 + name.size());
  if (!rest.empty() && home->ends_with('/')) home->pop_back();
  return *home + std::string(rest);
}

}  // namespace detox
