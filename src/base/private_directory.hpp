#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "detox/errors.hpp"

namespace detox {

/// A directory under TMPDIR that only this user can enter, removed with what is in it.
class PrivateDirectory {
 public:
  /// InputError where it cannot be made.
  PrivateDirectory() {
    std::error_code error;
    std::filesystem::path base = std::filesystem::temp_directory_path(error);
    std::string name = (error ? std::filesystem::path("/tmp") : base) / "detoxml-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      throw InputError(
          fmt::format("cannot make a directory like {}: {}", name, std::strerror(errno)));
    }
    path_ = name;
  }
  ~PrivateDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace detox
