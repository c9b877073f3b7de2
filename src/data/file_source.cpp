#include "data/file_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& file) : name_(file.string()), piece_(kPiece) {
    // Without O_NONBLOCK the opening of a pipe would wait for a writer.
    descriptor_ = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) fail("open");
    struct stat status {};
    if (fstat(descriptor_, &status) != 0) fail("read");
    // A folder gets the system's own words when it is read.
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
      close(descriptor_);
      throw InputError(fmt::format("cannot read {}: not a regular file", name_));
    }
  }
  ~OpenFile() { close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  std::span<const std::byte> next() {
    ssize_t size = 0;
    do {
      size = read(descriptor_, piece_.data(), piece_.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0) throw InputError(message("read"));
    return std::span(piece_).first(static_cast<std::size_t>(size));
  }

 private:
  std::string message(const char* action) const {
    return fmt::format("cannot {} {}: {}", action, name_, std::generic_category().message(errno));
  }
  [[noreturn]] void fail(const char* action) const {
    const std::string text = message(action);
    if (descriptor_ >= 0) close(descriptor_);
    throw InputError(text);
  }

  std::string name_;
  std::vector<std::byte> piece_;
  int descriptor_ = -1;
};

}  // namespace

ByteSource file_source(const std::filesystem::path& file) {
  return [open = std::make_shared<OpenFile>(file)] { return open->next(); };
}

std::vector<std::byte> whole_file(const std::filesystem::path& file, std::uint64_t most_bytes) {
  const ByteSource source = file_source(file);
  std::vector<std::byte> bytes;
  for (auto piece = source(); !piece.empty(); piece = source()) {
    if (piece.size() > most_bytes - bytes.size()) {
      throw InputError(fmt::format("{}: it is longer than {} bytes", file.string(), most_bytes));
    }
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  return bytes;
}

}  // namespace detox
