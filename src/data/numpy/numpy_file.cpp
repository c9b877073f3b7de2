#include "data/numpy/numpy_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/assert.hpp"
#include "data/numpy/numpy_convert.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what) {
  throw InputError(fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

/// Closes its file.
struct Descriptor {
  int fd = -1;
  explicit Descriptor(int opened) : fd(opened) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

std::pair<const std::byte*, std::size_t> map_file(const std::filesystem::path& path) {
  // O_NONBLOCK: a pipe under this name must not hang the program.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd < 0) fail(path, "cannot be opened");
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) fail(path, "cannot be read");
  if (!S_ISREG(status.st_mode)) {
    throw InputError(fmt::format("{}: not a regular file", path.string()));
  }
  if (status.st_size == 0) throw InputError(fmt::format("{}: an empty file", path.string()));
  const auto size = static_cast<std::size_t>(status.st_size);
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (memory == MAP_FAILED) fail(path, "cannot be mapped");
  return {static_cast<const std::byte*>(memory), size};
}

/// Removes its file unless it was renamed.
struct Temporary {
  std::filesystem::path path;
  bool kept = false;
  explicit Temporary(std::filesystem::path name) : path(std::move(name)) {}
  ~Temporary() {
    if (!kept) ::unlink(path.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void write_atomically(const std::filesystem::path& path,
                      std::initializer_list<std::string_view> parts) {
  const std::string name = fmt::format("{}.tmp-{}", path.string(), ::getpid());
  const int opened = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (opened < 0) fail(path, "cannot be written");
  Temporary temporary{name};
  {
    const Descriptor file(opened);
    for (const std::string_view part : parts) {
      if (!write_all(file.fd, part)) fail(path, "cannot be written");
    }
    if (::fsync(file.fd) != 0) fail(path, "cannot be written");
  }
  if (::rename(name.c_str(), path.c_str()) != 0) fail(path, "cannot be written");
  temporary.kept = true;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot do this for directories; the file is complete either way.
  if (directory.fd >= 0) static_cast<void>(::fsync(directory.fd));
}

template <class T>
void write_vector(const std::filesystem::path& path, std::span<const T> values) {
  // Magic, version and length are 10 bytes; spaces and a newline fill up to a multiple of 64.
  std::string header = fmt::format("{{'descr': '<f{}', 'fortran_order': False, 'shape': ({},), }}",
                                   sizeof(T), values.size());
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  write_atomically(path, {start, header, bytes});
}

}  // namespace

void NumpyFile::Unmap::operator()(const std::byte* memory) const {
  ::munmap(const_cast<std::byte*>(memory), size);
}

NumpyFile::NumpyFile(const std::filesystem::path& path) {
  const auto [memory, size] = map_file(path);
  memory_ = {memory, Unmap{size}};
  header_ = parse_numpy({memory, size}, path.string());
  try {
    if (is_double()) {
      find_rows(converted_doubles_, double_pointers_);
    } else {
      find_rows(converted_floats_, float_pointers_);
    }
  } catch (const std::bad_alloc&) {
    throw InputError(fmt::format("{}: not enough memory for its {} x {} values", path.string(),
                                 header_.n, header_.d));
  }
}

template <class T>
void NumpyFile::find_rows(std::vector<T>& converted, std::vector<const T*>& pointers) {
  const std::byte* from = memory_.get() + header_.data_offset;
  const T* values = reinterpret_cast<const T*>(from);
  const bool is_native = size_of(header_.type) == sizeof(T) && !header_.is_big_endian &&
                         !header_.is_fortran_order && header_.data_offset % sizeof(T) == 0;
  if (!is_native) {
    convert_numpy(header_, from, converted);
    values = converted.data();
  }
  pointers.resize(header_.n);
  for (std::size_t i = 0; i < header_.n; ++i) pointers[i] = values + i * header_.d;
}

Rows<float> NumpyFile::float_rows() {
  DETOX_ASSERT(!is_double());
  return {float_pointers_, header_.d};
}

Rows<double> NumpyFile::double_rows() {
  DETOX_ASSERT(is_double());
  return {double_pointers_, header_.d};
}

void write_numpy(const std::filesystem::path& path, std::span<const float> values) {
  write_vector(path, values);
}
void write_numpy(const std::filesystem::path& path, std::span<const double> values) {
  write_vector(path, values);
}
void write_text_atomically(const std::filesystem::path& path, std::string_view text) {
  write_atomically(path, {text});
}

}  // namespace detox
