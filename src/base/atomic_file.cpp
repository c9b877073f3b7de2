#include "base/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "base/file.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporarySuffix = ".tmp";

[[noreturn]] void refuse(const fs::path& file) {
  throw InputError(fmt::format("cannot write {}: {}", file.string(), system_error_text()));
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

std::string temporary_name(const fs::path& file) {
  return fmt::format(".{}.{}{}", file.filename().string(), ::getpid(), kTemporarySuffix);
}

/// The file that a temporary one of this name becomes; empty for every other name.
std::string_view file_of_temporary(std::string_view name) {
  if (!name.starts_with('.')) return {};
  name.remove_prefix(1);
  if (!name.ends_with(kTemporarySuffix)) return {};
  name.remove_suffix(kTemporarySuffix.size());
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == name.size()) return {};
  if (name.find_first_not_of("0123456789", dot + 1) != std::string_view::npos) return {};
  return name.substr(0, dot);
}

/// Gone again unless it was renamed.
class Temporary {
 public:
  explicit Temporary(const fs::path& file)
      : file_(file), name_(folder_of(file) / temporary_name(file)) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    constexpr mode_t kMode = 0666;
    fd_ = FileDescriptor(::open(name_.c_str(), kFlags, kMode));
    if (!fd_.is_open()) refuse(file);
    exists_ = true;
  }
  ~Temporary() {
    if (exists_) ::unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  void write(std::span<const std::byte> bytes) {
    if (!write_all(fd_.get(), bytes)) refuse(file_);
  }

  void take_its_name() {
    if (::fsync(fd_.get()) != 0 || !fd_.close() || ::rename(name_.c_str(), file_.c_str()) != 0) {
      refuse(file_);
    }
    exists_ = false;
  }

 private:
  const fs::path& file_;
  fs::path name_;
  FileDescriptor fd_;
  bool exists_ = false;
};

void sync_folder(const fs::path& file) {
  const FileDescriptor folder(::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) refuse(file);
  // EINVAL: this file system cannot do it for folders, and so does not need it.
  if (::fsync(folder.get()) != 0 && errno != EINVAL) refuse(file);
}

}  // namespace

void write_atomically(const fs::path& file, const std::function<void(const FileSink& sink)>& make) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw InputError(fmt::format("cannot write {}: it is not a regular file", file.string()));
  }
  Temporary temporary(file);
  make([&](std::string_view piece) { temporary.write(bytes_of(piece)); });
  temporary.take_its_name();
  sync_folder(file);
}

void write_atomically(const fs::path& file, std::span<const std::span<const std::byte>> pieces) {
  write_atomically(file, [&](const FileSink& sink) {
    for (const std::span<const std::byte> piece : pieces) sink(text_of(piece));
  });
}

void write_atomically(const fs::path& file, std::string_view text) {
  write_atomically(file, [&](const FileSink& sink) { sink(text); });
}

void remove_temporaries(const fs::path& folder,
                        const std::function<bool(std::string_view name)>& is_ours) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string temporary = entry.path().filename().string();
    const std::string_view name = file_of_temporary(temporary);
    if (!name.empty() && is_ours(name)) {
      std::error_code failed;  // it costs space, no more
      fs::remove(entry.path(), failed);
    }
  }
}

}  // namespace detox
