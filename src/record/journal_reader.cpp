#include "record/journal_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/round_number.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

[[noreturn]] void refuse_to_read(const std::filesystem::path& file) {
  throw InputError(fmt::format("cannot read {}: {}", file.string(), system_error_text()));
}

std::optional<std::uint64_t> unsigned_in(const nlohmann::json& line, const char* name) {
  const auto found = line.find(name);
  if (found == line.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

}  // namespace

bool JournalReader::open() {
  struct stat there {
  }, held{};
  if (::stat(file_.c_str(), &there) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) refuse_to_read(file_);
    return false;
  }
  if (!S_ISREG(there.st_mode))
    throw InputError(fmt::format("cannot read {}: it is no file", file_.string()));
  if (fd_.is_open() && ::fstat(fd_.get(), &held) == 0 && held.st_ino == there.st_ino &&
      held.st_dev == there.st_dev) {
    return static_cast<std::uint64_t>(there.st_size) >= taken_;
  }
  if (fd_.is_open()) return false;
  fd_ = FileDescriptor(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd_.is_open()) refuse_to_read(file_);
  return true;
}

bool JournalReader::read_on(const Take& take) {
  if (!open()) {
    fd_ = FileDescriptor();
    line_number_ = 0;
    return std::exchange(taken_, 0) == 0;
  }
  // Whoever reads on at each step has a line to read, whoever reads a file has millions.
  constexpr std::size_t kLeast = std::size_t{1} << 12U, kMost = std::size_t{1} << 20U;
  piece_.clear();
  for (std::size_t most = kLeast;; most = std::min(2 * most, kMost)) {
    const std::size_t kept = piece_.size();
    if (kept > kLongestLine) {
      throw InputError(
          fmt::format("{}:{}: is longer than any line of a run", file_.string(), line_number_ + 1));
    }
    piece_.resize(kept + most);
    const ssize_t got =
        ::pread(fd_.get(), piece_.data() + kept, most, static_cast<off_t>(taken_ + kept));
    if (got < 0 && errno != EINTR) refuse_to_read(file_);
    piece_.resize(kept + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return true;
    const std::string_view text = piece_;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n', kept); end != std::string_view::npos;
         end = text.find('\n', begin)) {
      ++line_number_;
      take(text.substr(begin, end - begin));
      begin = end + 1;
    }
    piece_.erase(0, begin);
    taken_ += begin;
  }
}

void JournalReader::refuse(std::string_view what) const {
  throw InputError(fmt::format("{}:{}: is no line of {}", file_.string(), line_number_, what));
}

std::optional<std::uint64_t> round_of_line(const nlohmann::json& line) {
  if (!line.is_object()) return std::nullopt;
  const std::optional<std::uint64_t> step = unsigned_in(line, "step");
  if (!step || *step != step_of_round(*step)) return std::nullopt;
  if (!line.contains("attempt")) return *step;
  const std::optional<std::uint64_t> attempt = unsigned_in(line, "attempt");
  if (!attempt || *attempt > kMostAttempts) return std::nullopt;
  return round_number(*attempt, *step);
}

}  // namespace detox
