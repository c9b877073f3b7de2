// The few POSIX calls that the files of a run need, with errors in one clear line.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// Owns a file descriptor. Movable.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release();
  bool close();  ///< false where the system reports an error (a late write error, say)

 private:
  int fd_ = -1;
};

/// What errno says, in words.
std::string system_error_text();

/// The whole file. InputError where it cannot be opened or read, or is not a regular file.
std::vector<std::byte> read_file(const std::filesystem::path& file);

/// SHA-256 of the whole file, in hexadecimal. InputError as read_file.
std::string digest_of_file(const std::filesystem::path& file);

/// Writes everything, over short writes and interruptions; false, with errno set, where the system
/// refuses.
bool write_all(int fd, std::span<const std::byte> bytes);

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace detox
