#include "record/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "base/atomic_file.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

nlohmann::json parse_line(std::string_view line) {
  return nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
}

std::optional<std::uint64_t> step_of(const nlohmann::json& line) {
  const auto step = line.find("step");
  if (step == line.end() || !step->is_number_unsigned()) return std::nullopt;
  return step->get<std::uint64_t>();
}

/// The step of a line that is kept; of one that is of no step 0.
std::optional<std::uint64_t> kept_step(std::string_view line, std::uint64_t last_step) {
  const nlohmann::json json = parse_line(line);
  if (!json.is_object()) return std::nullopt;
  const std::uint64_t step = step_of(json).value_or(0);
  return step <= last_step ? std::optional(step) : std::nullopt;
}

std::vector<Journal::Steps> gaps_of(const std::vector<std::uint64_t>& steps, std::uint64_t last) {
  std::vector<Journal::Steps> gaps;
  std::uint64_t next = steps.empty() ? 1 : steps.front();
  for (const std::uint64_t step : steps) {
    if (step > next) gaps.push_back({next, step - 1});
    next = std::max(next, step + 1);
  }
  if (next <= last) gaps.push_back({next, last});
  return gaps;
}

}  // namespace

Journal::Journal(fs::path path, std::uint64_t keep_until_step) : path_(std::move(path)) {
  std::error_code ignored;
  const bool was_there = fs::exists(path_, ignored);
  const std::vector<std::uint64_t> steps = truncate_after_step(path_, keep_until_step);
  if (was_there && keep_until_step != std::numeric_limits<std::uint64_t>::max())
    gaps_ = gaps_of(steps, keep_until_step);
  constexpr mode_t kMode = 0666;
  fd_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode));
  struct stat status {};
  if (!fd_.is_open() || ::fstat(fd_.get(), &status) != 0) {
    throw InputError(fmt::format("cannot write {}: {}", path_.string(), system_error_text()));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

bool Journal::refuse() {
  last_error_ = fmt::format("cannot write {}: {}", path_.string(), system_error_text());
  torn_ = ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0;
  return false;
}

bool Journal::append(const nlohmann::json& line) {
  using nlohmann::json;
  constexpr int kCompact = -1;
  return append_text(line.dump(kCompact, ' ', false, json::error_handler_t::replace));
}

bool Journal::append_text(std::string line) {
  line += '\n';
  if (torn_ && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) return refuse();
  torn_ = false;
  if (!write_all(fd_.get(), bytes_of(line))) return refuse();
  size_ += line.size();
  return true;
}

bool Journal::sync() {
  // EINVAL: this file system cannot do it, or it is no file.
  if (::fsync(fd_.get()) == 0 || errno == EINVAL) return true;
  last_error_ = fmt::format("cannot make {} durable: {}", path_.string(), system_error_text());
  return false;
}

std::vector<std::uint64_t> Journal::truncate_after_step(const fs::path& path, std::uint64_t step) {
  std::error_code error;
  std::vector<std::uint64_t> steps;
  if (!fs::exists(path, error) && !error) return steps;
  const std::vector<std::byte> bytes = read_file(path);
  const std::string_view text = text_of(bytes);
  std::vector<std::span<const std::byte>> kept;
  std::size_t kept_size = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    if (newline == std::string_view::npos) break;
    const std::size_t size = newline + 1 - begin;
    if (const auto of = kept_step(text.substr(begin, size), step)) {
      steps.push_back(*of);
      kept.push_back(std::span(bytes).subspan(begin, size));
      kept_size += size;
    }
    begin += size;
  }
  if (kept_size != bytes.size()) write_atomically(path, kept);
  return steps;
}

std::optional<std::uint64_t> Journal::last_step(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  const std::vector<std::byte> bytes = read_file(path);
  std::string_view text = text_of(bytes);
  text = text.substr(0, text.rfind('\n') + 1);  // nothing, where there is no whole line
  if (text.empty()) return std::nullopt;
  text.remove_suffix(1);
  return step_of(parse_line(text.substr(text.rfind('\n') + 1)));
}

}  // namespace detox
