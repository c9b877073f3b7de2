#include "base/process_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/json_field.hpp"
#include "base/log.hpp"
#include "base/names.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using State = LockHolder::State;

constexpr const char* kNoteInFolder = ".detoxml.lock";
constexpr std::size_t kLongestNote = 4096;

/// What the kernel calls this machine's boot, and the space in which process numbers count.
std::string first_line(const char* file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::string process_space() {
  std::error_code none;
  return first_line("/proc/sys/kernel/random/boot_id") + " " +
         fs::read_symlink("/proc/self/ns/pid", none).string();
}

/// When the process began, in the kernel's ticks; empty where it is gone, or /proc hides it.
std::string start_of(pid_t process) {
  const std::string line = first_line(fmt::format("/proc/{}/stat", process).c_str());
  const std::size_t name_end = line.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  constexpr int kStartField = 20;  // counted from the state
  std::string field, state;
  fields >> state;
  for (int i = 2; i <= kStartField; ++i) fields >> field;
  return state == "Z" || state == "X" ? "" : field;
}

struct Note {
  std::string host, space, start;
  std::int32_t process = 0;
  bool has_flock = false;  ///< so that an flock that can be had says that its process is gone

  static Note of_this_process(bool has_flock) {
    std::array<char, HOST_NAME_MAX + 1> name{};
    gethostname(name.data(), name.size() - 1);
    return {.host = name.data(),
            .space = process_space(),
            .start = start_of(getpid()),
            .process = getpid(),
            .has_flock = has_flock};
  }

  std::string text() const {
    const nlohmann::json json = {{"host", host},
                                 {"process", process},
                                 {"start", start},
                                 {"space", space},
                                 {"flock", has_flock}};
    constexpr int kCompact = -1;
    return json.dump(kCompact, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }

  /// Empty where the file says nothing that this program wrote.
  static std::optional<Note> read(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    Note note;
    try {
      read_field(json, "host", note.host);
      read_field(json, "process", note.process);
      read_field(json, "start", note.start);
      read_field(json, "space", note.space);
      read_field(json, "flock", note.has_flock);
    } catch (const std::exception&) {
      return std::nullopt;
    }
    return note;
  }
};

std::string read_note_text(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return {};
  std::array<char, kLongestNote> bytes{};
  const ssize_t size = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : std::string();
}

bool write_note(int fd, std::string_view text) {
  return ::ftruncate(fd, 0) == 0 &&
         ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

/// By what the note says alone.
LockHolder holder_by_note(const std::string& text) {
  if (text.empty()) return {};
  const std::optional<Note> note = Note::read(text);
  if (!note || note->process <= 0) return {State::kUnknown, ""};
  const std::string who =
      fmt::format("process {} on {}", note->process, printable(note->host, HOST_NAME_MAX));
  if (note->space != process_space()) return {State::kUnknown, who};
  const std::string start = start_of(note->process);
  if (!start.empty()) return start == note->start ? LockHolder{State::kHeld, who} : LockHolder{};
  // /proc may hide the processes of others.
  const bool is_there = ::kill(note->process, 0) != 0 && errno == EPERM;
  return is_there ? LockHolder{State::kHeld, who} : LockHolder{};
}

fs::path note_of(const fs::path& lock) {
  std::error_code none;
  return fs::is_directory(lock, none) ? lock / kNoteInFolder : lock;
}

enum class Flock { kTaken, kBusy, kImpossible };

Flock try_flock(int fd, int operation) {
  while (::flock(fd, operation | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    return errno == EWOULDBLOCK ? Flock::kBusy : Flock::kImpossible;
  }
  return Flock::kTaken;
}

/// Who holds a lock whose flock could be had, or not, or is impossible.
LockHolder holder_by(Flock flock, const fs::path& lock) {
  const std::string text = read_note_text(note_of(lock));
  LockHolder holder = holder_by_note(text);
  if (flock == Flock::kBusy) return {State::kHeld, holder.who};
  const std::optional<Note> note = Note::read(text);
  if (flock == Flock::kTaken && (!note || note->has_flock)) return {};
  return holder;
}

/// Held for as long as it takes to look at a note and to write another.
class NoteTurn {
 public:
  explicit NoteTurn(const fs::path& note) : guard_(note.string() + ".turn") {
    constexpr int kTries = 100;
    constexpr std::chrono::milliseconds kPause{10};
    for (int i = 0;; ++i) {
      const int fd = ::open(guard_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      if (fd >= 0) ::close(fd);
      // Nobody takes so long: what is left then is of a process that was killed in its turn.
      if (fd >= 0 || errno != EEXIST || i == kTries) return;
      std::this_thread::sleep_for(kPause);
    }
  }
  ~NoteTurn() { ::unlink(guard_.c_str()); }
  NoteTurn(const NoteTurn&) = delete;
  NoteTurn& operator=(const NoteTurn&) = delete;

 private:
  std::string guard_;
};

[[noreturn]] void refuse_lock(const fs::path& file) {
  throw std::system_error(errno, std::generic_category(), "cannot write " + file.string());
}

}  // namespace

std::string LockHolder::in_words(const fs::path& lock) const {
  if (state == State::kUnknown) {
    return fmt::format(
        " ({}, and its file system has no locks that would tell whether it still runs: where it "
        "does not, remove {})",
        who.empty() ? "who is not known" : who, note_of(lock).string());
  }
  return who.empty() ? "" : fmt::format(" ({})", who);
}

std::optional<ProcessLock> ProcessLock::take(const fs::path& lock, LockHolder& holder,
                                             mode_t mode) {
  std::error_code none;
  const bool is_folder = fs::is_directory(lock, none);
  constexpr int kFile = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  ProcessLock taken;
  taken.fd_ = ::open(lock.c_str(), is_folder ? O_RDONLY | O_DIRECTORY | O_CLOEXEC : kFile, mode);
  if (taken.fd_ < 0) refuse_lock(lock);
  // Who only looks holds it for an instant: that is no holder.
  constexpr int kTries = 5;
  constexpr std::chrono::milliseconds kPause{20};
  Flock flock = Flock::kBusy;
  for (int i = 0; i < kTries && flock == Flock::kBusy; ++i) {
    if (i > 0) std::this_thread::sleep_for(kPause);
    flock = try_flock(taken.fd_, LOCK_EX);
  }
  const std::string reason = std::generic_category().message(errno);
  const fs::path note = note_of(lock);
  std::optional<NoteTurn> turn;
  if (flock == Flock::kImpossible) turn.emplace(note);
  holder = holder_by(flock, lock);
  if (holder.state != State::kFree) return std::nullopt;
  if (is_folder && flock == Flock::kTaken) return taken;
  taken.note_fd_ = ::open(note.c_str(), kFile, mode);
  if (taken.note_fd_ < 0) refuse_lock(note);
  const std::string text = Note::of_this_process(flock == Flock::kTaken).text();
  if (!write_note(taken.note_fd_, text) && flock == Flock::kImpossible) refuse_lock(note);
  if (flock == Flock::kImpossible) {
    log_info("{} cannot be locked ({}): other processes know this one by number and machine",
             lock.string(), reason);
  }
  taken.is_noted_ = true;
  if (is_folder) taken.note_to_remove_ = note;
  return taken;
}

ProcessLock::ProcessLock(ProcessLock&& other) noexcept { *this = std::move(other); }

ProcessLock& ProcessLock::operator=(ProcessLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  fd_ = std::exchange(other.fd_, -1);
  note_fd_ = std::exchange(other.note_fd_, -1);
  is_noted_ = std::exchange(other.is_noted_, false);
  note_to_remove_ = std::exchange(other.note_to_remove_, {});
  return *this;
}

void ProcessLock::release() {
  // A note that cannot be taken back is of a process that is gone, and costs others a look.
  if (is_noted_ && ::ftruncate(note_fd_, 0) == 0 && !note_to_remove_.empty())
    ::unlink(note_to_remove_.c_str());
  for (const int fd : {note_fd_, fd_}) {
    if (fd >= 0) ::close(fd);
  }
  fd_ = note_fd_ = -1;
  is_noted_ = false;
}

LockHolder holder_of(const fs::path& lock) {
  const int fd = ::open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const bool is_absent = errno == ENOENT || errno == ENOTDIR;
    return {is_absent ? State::kFree : State::kUnknown, ""};
  }
  const Flock flock = try_flock(fd, LOCK_SH);
  ::close(fd);
  return holder_by(flock, lock);
}

}  // namespace detox
