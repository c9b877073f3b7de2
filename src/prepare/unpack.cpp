#include "prepare/unpack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "base/names.hpp"
#include "data/file_source.hpp"
#include "data/tar.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 200, kDeepest = 8;
constexpr std::uint64_t kBesideBytes = std::uint64_t{1} << 14;  // headers and padding of an entry

class Unpacking {
 public:
  Unpacking(std::string name, const fs::path& folder, const UnpackLimits& limits)
      : name_(std::move(name)), folder_(folder), limits_(limits) {}

  void run(const ByteSource& source) {
    read_tar(name_, source, limits_.bytes + (limits_.entries + 1) * kBesideBytes,
             [this](const TarMember& member) {
               finish_file();
               return unpack(member);
             });
    finish_file();
    if (entries_ == 0) throw InputError(name_ + ": it holds nothing, or is no tar archive");
  }

 private:
  [[noreturn]] void refuse(std::string_view entry, std::string_view why) const {
    throw InputError(
        fmt::format("{}: its entry '{}' is refused: {}", name_, printable(entry), why));
  }

  [[noreturn]] static void cannot_write(const fs::path& file) {
    throw InputError(fmt::format("cannot write {}: {}", file.string(), system_error_text()));
  }

  ByteSink unpack(const TarMember& member) {
    const std::string& name = member.path;
    if (++entries_ > limits_.entries)
      throw InputError(fmt::format("{}: it holds more than {} entries", name_, limits_.entries));
    if (name.empty() && member.kind == TarMember::Kind::kFolder) return {};  // "./"
    const std::string unsafe = unsafe_name(name);
    if (!unsafe.empty()) refuse(name, unsafe);
    const fs::path target = folder_ / fs::path(name).lexically_normal();
    switch (member.kind) {
      case TarMember::Kind::kFolder:
        make_folder(name, target);
        return {};
      case TarMember::Kind::kFile:
        make_folder(name, target.parent_path());
        return begin_file(name, target);
      case TarMember::Kind::kLink:
        refuse(name, "it is a link");
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

  ByteSink begin_file(std::string_view name, const fs::path& target) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    file_.emplace(::open(target.c_str(), kFlags, 0666));
    if (!file_->is_open() && errno == EEXIST) refuse(name, "the name comes twice");
    if (!file_->is_open()) cannot_write(target);
    target_ = target;
    return [this](std::span<const std::byte> piece) {
      if (piece.size() > limits_.bytes - written_)
        throw InputError(fmt::format("{}: it unpacks to more than {} bytes", name_, limits_.bytes));
      written_ += piece.size();
      if (!write_all(file_->get(), piece)) cannot_write(target_);
    };
  }

  void finish_file() {
    if (file_ && (::fsync(file_->get()) != 0 || !file_->close())) cannot_write(target_);
    file_.reset();
  }

  std::string name_;
  const fs::path& folder_;
  UnpackLimits limits_;
  std::optional<FileDescriptor> file_;  ///< that is being written
  fs::path target_;                     ///< its name
  std::size_t entries_ = 0;
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
  Unpacking(archive.string(), folder, limits).run(file_source(archive));
}

void unpack_archive(const std::string& name, std::span<const std::byte> archive,
                    const fs::path& folder, const UnpackLimits& limits) {
  Unpacking(name, folder, limits).run([rest = archive]() mutable {
    return std::exchange(rest, {});
  });
}

}  // namespace detox
