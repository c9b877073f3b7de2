#include "report/event_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <climits>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {

namespace fs = std::filesystem;

namespace {

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Readers take the files of a folder in the order of their names, which begin with a time of ten
/// digits: that of now, or behind the latest that is there.
std::uint64_t next_number(const fs::path& folder) {
  constexpr std::size_t kDigits = 10;
  constexpr std::uint64_t kMost = 9'999'999'998;
  auto number = static_cast<std::uint64_t>(seconds_since_1970());
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kEventFiles) || name.size() < kEventFiles.size() + kDigits) continue;
    const char* digits = name.data() + kEventFiles.size();
    std::uint64_t other = 0;
    const auto [end, error] = std::from_chars(digits, digits + kDigits, other);
    if (error == std::errc() && end == digits + kDigits && other <= kMost)
      number = std::max(number, other + 1);
  }
  return number;
}

std::string short_host_name() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return "host";
  return printable(host.data(), HOST_NAME_MAX);
}

}  // namespace

EventLog::EventLog(const fs::path& folder) {
  file_ = folder / fmt::format("{}{:010}.{}.{}.detoxml", kEventFiles, next_number(folder),
                               short_host_name(), getpid());
  constexpr mode_t kMode = 0666;
  fd_ = FileDescriptor(
      open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, kMode));
  if (!fd_.is_open()) throw InputError(fmt::format("{}: {}", file_.string(), system_error_text()));
  if (!write({EventKind::kFileVersion, seconds_since_1970()})) throw InputError(last_error_);
}

bool EventLog::start(std::uint64_t step) {
  return write({EventKind::kStart, seconds_since_1970(), step});
}

bool EventLog::add(std::uint64_t step, std::vector<Scalar> scalars) {
  return write({EventKind::kScalars, seconds_since_1970(), step, std::move(scalars)});
}

bool EventLog::write(const ScalarEvent& event) {
  const std::string record = event_record(event);
  if (write_all(fd_.get(), bytes_of(record))) {
    size_ += record.size();
    return true;
  }
  last_error_ = fmt::format("{}: {}", file_.string(), system_error_text());
  if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) last_error_ += ", and is torn now";
  return false;
}

}  // namespace detox
