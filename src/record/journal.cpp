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
#include "base/round_number.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

nlohmann::json parse_line(std::string_view line) {
  return nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
}

std::optional<std::uint64_t> number_in(const nlohmann::json& line, const char* name) {
  const auto number = line.find(name);
  if (number == line.end() || !number->is_number_unsigned()) return std::nullopt;
  return number->get<std::uint64_t>();
}

/// The round of a line that is kept; of one that is of no step 0.
std::optional<std::uint64_t> kept_round(std::string_view line, std::uint64_t last) {
  const nlohmann::json json = parse_line(line);
  if (!json.is_object()) return std::nullopt;
  const std::uint64_t attempt = number_in(json, "attempt").value_or(0),
                      step = number_in(json, "step").value_or(0);
  if (attempt > kMostAttempts || step != step_of_round(step)) return std::nullopt;
  const std::uint64_t round = round_number(attempt, step);
  return round <= last ? std::optional(round) : std::nullopt;
}

/// Of the steps that stand: where a line is of a later attempt, those behind it do no longer.
std::vector<Journal::Steps> gaps_of(const std::vector<std::uint64_t>& rounds, std::uint64_t last) {
  std::vector<Journal::Steps> gaps;
  std::uint64_t next = rounds.empty() ? 1 : step_of_round(rounds.front()), attempt = 0;
  for (const std::uint64_t round : rounds) {
    const std::uint64_t step = step_of_round(round);
    if (std::exchange(attempt, attempt_of_round(round)) != attempt && step < next) {
      next = step + 1;
      while (!gaps.empty() && gaps.back().last > step) gaps.pop_back();
    }
    if (step > next) gaps.push_back({next, step - 1});
    next = std::max(next, step + 1);
  }
  if (next <= last) gaps.push_back({next, last});
  return gaps;
}

}  // namespace

Journal::Journal(fs::path path, std::uint64_t keep_until) : path_(std::move(path)) {
  std::error_code ignored;
  const bool was_there = fs::exists(path_, ignored);
  const std::vector<std::uint64_t> rounds = truncate_after(path_, keep_until);
  if (was_there && keep_until != std::numeric_limits<std::uint64_t>::max())
    gaps_ = gaps_of(rounds, step_of_round(keep_until));
  if (!rounds.empty()) last_attempt_ = attempt_of_round(rounds.back());
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

std::vector<std::uint64_t> Journal::truncate_after(const fs::path& path, std::uint64_t round) {
  std::error_code error;
  std::vector<std::uint64_t> rounds;
  if (!fs::exists(path, error) && !error) return rounds;
  const std::vector<std::byte> bytes = read_file(path);
  const std::string_view text = text_of(bytes);
  std::vector<std::span<const std::byte>> kept;
  std::size_t kept_size = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    if (newline == std::string_view::npos) break;
    const std::size_t size = newline + 1 - begin;
    if (const auto of = kept_round(text.substr(begin, size), round)) {
      rounds.push_back(*of);
      kept.push_back(std::span(bytes).subspan(begin, size));
      kept_size += size;
    }
    begin += size;
  }
  if (kept_size != bytes.size()) write_atomically(path, kept);
  return rounds;
}

std::optional<std::uint64_t> Journal::last_step(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  const std::vector<std::byte> bytes = read_file(path);
  std::string_view text = text_of(bytes);
  text = text.substr(0, text.rfind('\n') + 1);  // nothing, where there is no whole line
  if (text.empty()) return std::nullopt;
  text.remove_suffix(1);
  return number_in(parse_line(text.substr(text.rfind('\n') + 1)), "step");
}

}  // namespace detox
