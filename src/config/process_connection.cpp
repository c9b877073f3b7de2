#include "config/process_connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/json_field.hpp"
#include "base/names.hpp"
#include "base/start_program.hpp"

namespace detox {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestAnswer = std::size_t{1} << 16U, kLongestText = 300;
constexpr double kHelloPatience = 60;

/// Also of connecting, where nobody accepts.
bool limit_sending(const FileDescriptor& fd) {
  const timeval patience{.tv_sec = static_cast<time_t>(kHelloPatience), .tv_usec = 0};
  return ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
}

FileDescriptor connected(const std::string& socket_file) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_file.size() >= sizeof address.sun_path) {
    throw InputError(fmt::format("its path is longer than the {} letters that a socket's may have",
                                 sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, socket_file.c_str(), socket_file.size() + 1);
  FileDescriptor fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.is_open() || !limit_sending(fd) ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw InputError(fmt::format("no process answers there: {}", system_error_text()));
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool is_known = ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  if (!is_known || (peer.uid != ::geteuid() && peer.uid != 0))
    throw InputError("another user's process answers there");
  return fd;
}

/// Memory that another process sees as well. It cannot change its size, so that neither side reads
/// what is not there.
class SharedMemory {
 public:
  SharedMemory() = default;
  explicit SharedMemory(std::size_t size)
      : fd_(::memfd_create("detoxml rule", MFD_CLOEXEC | MFD_ALLOW_SEALING)), size_(size) {
    const bool is_made = fd_.is_open() && ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0 &&
                         ::fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;
    void* place =
        is_made ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0) : nullptr;
    if (place == nullptr || place == MAP_FAILED)
      throw InputError(fmt::format("no {} bytes of shared memory: {}", size, system_error_text()));
    place_ = static_cast<std::byte*>(place);
  }
  ~SharedMemory() {
    if (place_ != nullptr) ::munmap(place_, size_);
  }
  SharedMemory(SharedMemory&& other) noexcept
      : fd_(std::move(other.fd_)),
        size_(std::exchange(other.size_, 0)),
        place_(std::exchange(other.place_, nullptr)) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(size_, other.size_);
    std::swap(place_, other.place_);
    return *this;
  }

  int fd() const { return fd_.get(); }
  std::size_t size() const { return size_; }
  std::byte* place() const { return place_; }

 private:
  FileDescriptor fd_;
  std::size_t size_ = 0;
  std::byte* place_ = nullptr;
};

void refuse_error(const json& answer) {
  if (const auto error = answer.find("error"); error != answer.end())
    throw AnsweredError(
        printable(error->is_string() ? error->get<std::string>() : "", kLongestText));
}

/// A program that has its end of a connection as its standard input.
class StartedProgram {
 public:
  StartedProgram(const std::vector<std::string>& arguments, const FileDescriptor& end)
      : process_(start_program(arguments, end, ProgramGroup::kOurs)) {}
  ~StartedProgram() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  StartedProgram(const StartedProgram&) = delete;
  StartedProgram& operator=(const StartedProgram&) = delete;

 private:
  pid_t process_;
};

}  // namespace

struct ProcessConnection::Line {
  explicit Line(const std::string& socket_file) : fd(connected(socket_file)) {}
  explicit Line(const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw InputError(fmt::format("no socket for it: {}", system_error_text()));
    fd = FileDescriptor(ends[0]);
    const FileDescriptor theirs(ends[1]);
    limit_sending(fd);
    program.emplace(arguments, theirs);
  }

  /// One message, with a file where there is one. False where nobody listens any more.
  bool send(std::string_view text, int file) const {
    iovec part{const_cast<char*>(text.data()), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    if (file >= 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(header), &file, sizeof file);
    }
    ssize_t sent = 0;
    do {
      sent = ::sendmsg(fd.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(text.size());
  }

  /// The answer, an object. InputError where there is none in time, or another one.
  json receive(double patience_s) {
    const Clock& clock = Clock::real();
    const auto begin = clock.now();
    std::string text(kLongestAnswer, '\0');
    for (;;) {
      const double left = patience_s - clock.seconds_since(begin);
      if (left <= 0) lose(fmt::format("it has not answered for {:g} s", patience_s));
      pollfd one{fd.get(), POLLIN, 0};
      constexpr double kPoll = 1;
      if (::poll(&one, 1, 1 + static_cast<int>(1000 * std::min(left, kPoll))) <= 0) continue;
      const ssize_t size = ::recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
      if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (size <= 0) lose("the process that answers for it is gone");
      text.resize(static_cast<std::size_t>(size));
      break;
    }
    json answer = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!answer.is_object()) lose("it answers what is none of this program's");
    return answer;
  }

  json ask(std::string_view text, int file, double patience_s) {
    if (!fd.is_open() || !send(text, file)) lose("the process that answers for it is gone");
    return receive(patience_s);
  }

  /// What comes too late would be taken for the next answer.
  [[noreturn]] void lose(const std::string& why) {
    fd.close();
    fd = FileDescriptor();
    throw InputError(why);
  }

  std::mutex mutex;
  std::optional<StartedProgram> program;
  FileDescriptor fd;
  SharedMemory memory;
};

bool is_socket(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

void ProcessConnection::refuse_answer() {
  throw InputError("it answers what is none of this program's");
}

ProcessConnection::ProcessConnection(const std::string& socket, std::string_view hello)
    : line_(std::make_unique<Line>(socket)) {
  meet(hello);
}

ProcessConnection::ProcessConnection(const std::vector<std::string>& program,
                                     std::string_view hello)
    : line_(std::make_unique<Line>(program)) {
  meet(hello);
}

void ProcessConnection::meet(std::string_view hello) {
  about_ = line_->ask(hello, -1, kHelloPatience);
  refuse_error(about_);
  try {
    read_field(about_, "name", name_);
    read_field(about_, "source", source_);
    read_field(about_, "patience", patience_s_);
  } catch (const std::exception&) {
    refuse_answer();
  }
  constexpr std::size_t kLongestName = 60, kDigestLetters = 64;
  constexpr double kMostPatience = 1e9;
  name_ = printable(name_, kLongestName);
  const bool is_digest = source_.size() == kDigestLetters &&
                         source_.find_first_not_of("0123456789abcdef") == std::string::npos;
  const bool is_patient = patience_s_ > 0 && patience_s_ <= kMostPatience;
  if (name_.empty() || (!is_digest && source_ != "unknown") || !is_patient) refuse_answer();
}

ProcessConnection::~ProcessConnection() = default;

template <class T>
void ProcessConnection::compute(json call, std::span<const T* const> rows, std::span<T> out) const {
  const std::lock_guard lock(line_->mutex);
  const std::size_t row_size = out.size() * sizeof(T);
  if (row_size == 0) return;
  call["type"] = sizeof(T) == sizeof(float) ? "float32" : "float64";
  call["n"] = rows.size();
  call["d"] = out.size();
  int file = -1;
  SharedMemory& memory = line_->memory;
  if (const std::size_t size = (rows.size() + 1) * row_size; memory.size() < size) {
    memory = SharedMemory(size);
    call["memory"] = size;
    file = memory.fd();
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::memcpy(memory.place() + i * row_size, rows[i], row_size);
  refuse_error(line_->ask(call.dump(), file, patience_s_));
  std::memcpy(out.data(), memory.place() + rows.size() * row_size, row_size);
}

template void ProcessConnection::compute(json, std::span<const float* const>,
                                         std::span<float>) const;
template void ProcessConnection::compute(json, std::span<const double* const>,
                                         std::span<double>) const;

}  // namespace detox
