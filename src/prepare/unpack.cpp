#include "prepare/unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/file.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUnpackPiece = std::size_t{1} << 16;
constexpr std::size_t kLongestName = 200, kDeepest = 8;

struct CloseArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, CloseArchive>;

/// Tar and gzip alone: the fewer formats, the less code reads bytes from outside.
Reader make_reader() {
  Reader reader(archive_read_new());
  if (!reader || archive_read_support_filter_gzip(reader.get()) != ARCHIVE_OK ||
      archive_read_support_format_tar(reader.get()) != ARCHIVE_OK) {
    throw InputError("libarchive cannot read tar.gz archives here");
  }
  return reader;
}

class Unpacking {
 public:
  Unpacking(std::string name, Reader reader, const fs::path& folder, const UnpackLimits& limits)
      : name_(std::move(name)), reader_(std::move(reader)), folder_(folder), limits_(limits) {}

  void run() {
    std::size_t entries = 0;
    while (true) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(reader_.get(), &entry);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) damaged();
      if (++entries > limits_.entries) {
        throw InputError(fmt::format("{}: it holds more than {} entries", name_, limits_.entries));
      }
      unpack(entry);
    }
    if (entries == 0) throw InputError(name_ + ": it holds nothing, or is no tar archive");
  }

 private:
  [[noreturn]] void damaged() const {
    const char* why = archive_error_string(reader_.get());
    throw InputError(fmt::format("{}: the archive is damaged ({})", name_,
                                 why == nullptr ? "no reason given" : printable(why)));
  }

  [[noreturn]] void refuse(std::string_view entry, std::string_view why) const {
    throw InputError(
        fmt::format("{}: its entry '{}' is refused: {}", name_, printable(entry), why));
  }

  [[noreturn]] static void cannot_write(const fs::path& file) {
    throw InputError(fmt::format("cannot write {}: {}", file.string(), system_error_text()));
  }

  void unpack(archive_entry* entry) {
    const char* pathname = archive_entry_pathname(entry);
    if (pathname == nullptr) refuse("?", "its name cannot be read");
    const std::string_view name = pathname;
    const std::string unsafe = unsafe_name(name);
    if (!unsafe.empty()) refuse(name, unsafe);
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr) {
      refuse(name, "it is a link");
    }
    const fs::path target = folder_ / fs::path(name).lexically_normal();
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return make_folder(name, target);
      case AE_IFREG:
        make_folder(name, target.parent_path());
        return write_file(name, target);
      default:
        refuse(name, "it is neither a file nor a folder");
    }
  }

  void make_folder(std::string_view name, const fs::path& target) const {
    std::error_code error;
    fs::create_directories(target, error);
    if (error == std::errc::not_a_directory || error == std::errc::file_exists) {
      refuse(name, "a file has the name of its folder");
    }
    if (error) {
      throw InputError(
          fmt::format("cannot create the folder {}: {}", target.string(), error.message()));
    }
  }

  void write_file(std::string_view name, const fs::path& target) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    FileDescriptor fd(::open(target.c_str(), kFlags, 0666));
    if (!fd.is_open() && errno == EEXIST) refuse(name, "the name comes twice");
    if (!fd.is_open()) cannot_write(target);
    while (true) {
      const la_ssize_t count = archive_read_data(reader_.get(), piece_.data(), piece_.size());
      if (count < 0) damaged();
      if (count == 0) break;
      const auto size = static_cast<std::uint64_t>(count);
      if (size > limits_.bytes - written_) {
        throw InputError(fmt::format("{}: it unpacks to more than {} bytes", name_, limits_.bytes));
      }
      written_ += size;
      if (!write_all(fd.get(), std::span(piece_).first(size))) cannot_write(target);
    }
    if (::fsync(fd.get()) != 0 || !fd.close()) cannot_write(target);
  }

  std::string name_;
  Reader reader_;
  const fs::path& folder_;
  UnpackLimits limits_;
  std::vector<std::byte> piece_ = std::vector<std::byte>(kUnpackPiece);
  std::uint64_t written_ = 0;
};

}  // namespace

std::string unsafe_name(std::string_view name) {
  if (name.empty()) return "it has no name";
  if (name.front() == '/') return "its name is absolute";
  if (name.size() > kLongestName) return "its name is too long";
  for (const char c : name) {
    if (c < ' ' || c > '~' || c == '\\') return "its name holds unusual characters";
  }
  std::size_t depth = 0;
  for (const fs::path& part : fs::path(name)) {
    if (part == "..") return "its name leads out of the folder";
    if (++depth > kDeepest) return "its name is too deep";
  }
  return {};
}

void unpack_archive(const fs::path& archive, const fs::path& folder, const UnpackLimits& limits) {
  Reader reader = make_reader();
  if (archive_read_open_filename(reader.get(), archive.c_str(), kUnpackPiece) != ARCHIVE_OK) {
    throw InputError(fmt::format("cannot read {}: {}", archive.string(),
                                 printable(archive_error_string(reader.get()))));
  }
  Unpacking(archive.string(), std::move(reader), folder, limits).run();
}

void unpack_archive(const std::string& name, std::span<const std::byte> archive,
                    const fs::path& folder, const UnpackLimits& limits) {
  Reader reader = make_reader();
  if (archive_read_open_memory(reader.get(), archive.data(), archive.size()) != ARCHIVE_OK) {
    throw InputError(name + ": it holds nothing, or is no tar archive");
  }
  Unpacking(name, std::move(reader), folder, limits).run();
}

}  // namespace detox
