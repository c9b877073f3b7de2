// A file is a header of 96 bytes (16 of magic, the number of workers and the size of a record as 32
// bits each, 8 of zeros, the configuration's digest as 64 letters), and records: the round as 64
// bits, then two workers in 3 bytes, the first one in the low bits. All little-endian. In a record
// about going back every code is kBack.
#include "record/latency_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "base/round_number.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::string_view kMagic = "DETOX latency 1\n";
constexpr std::size_t kDigestLetters = 64, kHeaderBytes = 96, kRoundBytes = 8;
constexpr std::size_t kMostWorkers = std::numeric_limits<std::uint16_t>::max();
constexpr LatencyCode kBack = kMostTime + 1;

std::size_t record_bytes(std::size_t workers) { return kRoundBytes + 3 * ((workers + 1) / 2); }

void append_number(std::string& text, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i) & 0xff);
}

std::uint64_t number_at(std::span<const std::byte> bytes, std::size_t at, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < count; ++i)
    number |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  return number;
}

std::string header_of(std::size_t workers, std::string_view config_digest) {
  std::string header(kMagic);
  append_number(header, workers, 4);
  append_number(header, record_bytes(workers), 4);
  append_number(header, 0, 8);
  header += config_digest.substr(0, kDigestLetters);
  header.resize(kHeaderBytes, '\0');
  return header;
}

/// The pair of codes that begins with an even worker.
std::pair<LatencyCode, LatencyCode> pair_at(std::span<const std::byte> record, std::size_t pair) {
  const auto both = static_cast<std::uint32_t>(number_at(record, kRoundBytes + 3 * pair, 3));
  return {static_cast<LatencyCode>(both & 0xfff), static_cast<LatencyCode>(both >> 12)};
}

/// False where there are not so many.
bool read_whole(int fd, std::uint64_t at, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

LatencyJournal::LatencyJournal(std::filesystem::path path, std::size_t workers,
                               std::string_view config_digest, std::uint64_t keep_until)
    : path_(std::move(path)), header_(header_of(workers, config_digest)), workers_(workers) {
  constexpr mode_t kMode = 0666;
  fd_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, kMode));
  struct stat status {};
  if (!fd_.is_open() || ::fstat(fd_.get(), &status) != 0)
    throw InputError(fmt::format("cannot write {}: {}", path_.string(), system_error_text()));
  if (!S_ISREG(status.st_mode)) throw InputError(path_.string() + " is not a regular file");
  keep_up_to(keep_until, static_cast<std::uint64_t>(status.st_size));
}

void LatencyJournal::keep_up_to(std::uint64_t round, std::uint64_t size) {
  std::string header(kHeaderBytes, '\0');
  const bool is_ours = size >= kHeaderBytes &&
                       read_whole(fd_.get(), 0, std::as_writable_bytes(std::span(header))) &&
                       header == header_;
  is_begun_anew_ = size > 0 && !is_ours;
  const std::size_t each = record_bytes(workers_);
  std::uint64_t records = is_ours ? (size - kHeaderBytes) / each : 0;
  std::array<std::byte, kRoundBytes> bytes{};
  for (; records > 0; --records) {
    if (!read_whole(fd_.get(), kHeaderBytes + (records - 1) * each, bytes)) continue;
    const std::uint64_t last = number_at(bytes, 0, kRoundBytes);
    if (last > round) continue;
    last_attempt_ = attempt_of_round(last);
    break;
  }
  size_ = records > 0 ? kHeaderBytes + records * each : 0;
  if (size_ != size && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
    throw InputError(fmt::format("cannot write {}: {}", path_.string(), system_error_text()));
}

std::span<const std::byte> LatencyJournal::record(std::uint64_t round,
                                                  std::span<const LatencyCode> codes) {
  record_.assign(record_bytes(workers_), std::byte{0});
  const auto put = [this](std::size_t at, std::uint64_t number, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) record_[at + i] = std::byte(number >> (8 * i) & 0xff);
  };
  put(0, round, kRoundBytes);
  for (std::size_t worker = 0; worker < codes.size(); worker += 2) {
    const std::uint32_t second = worker + 1 < codes.size() ? codes[worker + 1] : 0;
    put(kRoundBytes + worker / 2 * 3, codes[worker] | second << 12U, 3);
  }
  return record_;
}

bool LatencyJournal::write(std::uint64_t at, std::span<const std::byte> bytes) {
  if (::lseek(fd_.get(), static_cast<off_t>(at), SEEK_SET) >= 0 && write_all(fd_.get(), bytes))
    return true;
  last_error_ = fmt::format("cannot write {}: {}", path_.string(), system_error_text());
  return false;
}

bool LatencyJournal::add(std::span<const std::byte> record) {
  const std::uint64_t at = std::max<std::uint64_t>(size_, kHeaderBytes);
  const bool is_written = (size_ > 0 || write(0, bytes_of(header_))) && write(at, record);
  if (is_written) size_ = at + record.size();
  // Where it cannot be cut back the next record is written over what lies there.
  return (is_written || ::ftruncate(fd_.get(), static_cast<off_t>(size_)) == 0) && is_written;
}

bool LatencyJournal::append(std::uint64_t round, const StepLatency& latency) {
  DETOX_ASSERT(latency.codes().size() == workers_);
  if (!add(record(round, latency.codes()))) return false;
  if (latest_.size() == kLateRecords) latest_.pop_front();
  latest_.push_back({round, size_ - record_.size(), latency});
  return true;
}

bool LatencyJournal::append_back(std::uint64_t round) {
  const std::vector<LatencyCode> codes(workers_, kBack);
  return add(record(round, codes));
}

bool LatencyJournal::amend(const LateLatency& late) {
  const auto written = std::ranges::find(latest_, late.round, &Written::round);
  if (written == latest_.end()) return true;
  written->latency.answer(late.worker, late.seconds);
  return write(written->at, record(written->round, written->latency.codes()));
}

bool LatencyJournal::sync() {
  // EINVAL: this file system cannot do it, or it is no file.
  if (::fsync(fd_.get()) == 0 || errno == EINVAL) return true;
  last_error_ = fmt::format("cannot make {} durable: {}", path_.string(), system_error_text());
  return false;
}

RecordedLatency::RecordedLatency(const std::filesystem::path& file) : name_(file.string()) {
  fd_ = FileDescriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd_.is_open() || ::fstat(fd_.get(), &status) != 0)
    throw InputError(fmt::format("cannot open {}: {}", name_, system_error_text()));
  if (!S_ISREG(status.st_mode)) throw InputError(name_ + " is not a regular file");
  size_ = static_cast<std::uint64_t>(status.st_size);
  read_header();
  read_rounds();
}

bool RecordedLatency::read_at(std::uint64_t at, std::span<std::byte> bytes) const {
  return read_whole(fd_.get(), at, bytes);
}

void RecordedLatency::read_header() {
  std::string header(kHeaderBytes, '\0');
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(header));
  if (size_ < kHeaderBytes || !read_at(0, bytes) || !header.starts_with(kMagic))
    throw InputError(fmt::format("{}: no file of latencies, as a run writes it", name_));
  const std::uint64_t workers = number_at(bytes, kMagic.size(), 4);
  config_digest_ = header.substr(kHeaderBytes - kDigestLetters);
  config_digest_.resize(std::min(config_digest_.find('\0'), config_digest_.size()));
  if (workers == 0 || workers > kMostWorkers || header != header_of(workers, config_digest_))
    throw InputError(name_ + " is damaged: its header is not as a run writes it");
  workers_ = static_cast<std::size_t>(workers);
}

void RecordedLatency::read_rounds() {
  const std::size_t each = record_bytes(workers_);
  std::array<std::byte, kRoundBytes + 3> bytes{};
  std::uint64_t before = 0;
  for (std::uint64_t at = kHeaderBytes; at + each <= size_; at += each) {
    if (!read_at(at, bytes)) break;  // it was cut back meanwhile
    const std::uint64_t round = number_at(bytes, 0, kRoundBytes);
    const Step found{step_of_round(round), attempt_of_round(round), at};
    const bool goes_back = pair_at(bytes, 0).first == kBack;
    if (round <= before || (found.step == 0 && !goes_back) || (found.attempt == 0 && goes_back)) {
      throw InputError(fmt::format(
          "{} is damaged: record {} (attempt {}, step {}) does not follow the one before", name_,
          (at - kHeaderBytes) / each + 1, found.attempt, found.step));
    }
    before = round;
    const std::uint64_t last = goes_back ? found.step : found.step - 1;
    while (!steps_.empty() && steps_.back().step > last) steps_.pop_back();
    if (!goes_back) steps_.push_back(found);
  }
}

void RecordedLatency::read(const Step& step, std::span<LatencyCode> codes) const {
  DETOX_ASSERT(codes.size() == workers_);
  std::vector<std::byte> bytes(record_bytes(workers_));
  const bool is_there = read_at(step.at, bytes);
  bool is_right = is_there;
  for (std::size_t pair = 0; is_there && 2 * pair < workers_; ++pair) {
    const auto [first, second] = pair_at(bytes, pair);
    codes[2 * pair] = first;
    if (2 * pair + 1 < workers_) codes[2 * pair + 1] = second;
    is_right =
        is_right && first != kBack && second != kBack && (second == 0 || 2 * pair + 1 < workers_);
  }
  if (is_right) return;
  throw InputError(fmt::format("{} is damaged: the record of step {} is not as a run writes it",
                               name_, step.step));
}

}  // namespace detox
