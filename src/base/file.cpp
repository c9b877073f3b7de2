#include "base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/digest.hpp"
#include "detox/errors.hpp"

namespace detox {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int FileDescriptor::release() { return std::exchange(fd_, -1); }

bool FileDescriptor::close() { return fd_ < 0 || ::close(release()) == 0; }

std::string system_error_text() { return std::generic_category().message(errno); }

std::vector<std::byte> read_file(const std::filesystem::path& file) {
  // O_NONBLOCK: a pipe under this name must not hang the program.
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) {
    throw InputError(fmt::format("cannot open {}: {}", file.string(), system_error_text()));
  }
  if (!S_ISREG(status.st_mode)) throw InputError(file.string() + " is not a regular file");
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw InputError(fmt::format("cannot read {}: {}", file.string(), system_error_text()));
    }
    if (count == 0) break;  // shortened by somebody meanwhile: the parser will say what is missing
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

std::string digest_of_file(const std::filesystem::path& file) {
  return hex(digest_of(read_file(file)));
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) {
      errno = EIO;
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace detox
