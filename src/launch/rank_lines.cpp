#include "launch/rank_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "base/start_threads.hpp"
#include "detox/errors.hpp"
#include "launch/mpirun_lines.hpp"

namespace detox {
namespace {

constexpr int kPollMs = 50;
constexpr int kMostPartsLeft = 64;  // more than a pipe holds
constexpr std::size_t kMostBegun = 10'000;

struct Tag {
  std::size_t length = 0;  ///< 0: none begins here
  bool cut_off = false;    ///< it may be one, when more has come
  int rank = 0;
};

/// "[1,3]<stderr>:" is the third rank of the job.
Tag tag_at(std::string_view text) {
  constexpr std::size_t kLongestTag = 40;
  const std::size_t end = text.substr(0, kLongestTag).find('\n');
  const std::string_view line = text.substr(0, std::min({end, text.size(), kLongestTag}));
  std::size_t at = 0;
  const auto number = [&](int& value) {
    if (at == line.size() || line[at] < '0' || line[at] > '9') return false;
    const auto [stop, error] = std::from_chars(line.data() + at, line.data() + line.size(), value);
    if (error != std::errc()) return false;
    at = static_cast<std::size_t>(stop - line.data());
    return true;
  };
  const auto word = [&](std::string_view expected) {
    const std::string_view there = line.substr(at, expected.size());
    if (there != expected) return false;
    at += expected.size();
    return true;
  };
  int job = 0, rank = 0;
  const bool is_tag = word("[") && number(job) && word(",") && number(rank) && word("]<") &&
                      (word("stdout") || word("stderr") || word("stddiag")) && word(">:");
  if (is_tag) return {at, false, rank};
  // As long as everything that has come fits.
  constexpr std::string_view kShape = "[0123456789,]<stdouterrdiag>:";
  const bool may_become = line.size() == text.size() && line.size() < kLongestTag &&
                          line.find_first_not_of(kShape) == std::string_view::npos;
  return {0, may_become, 0};
}

/// Waits where the stream does not block. False for good once its reader is gone.
bool write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      pollfd ready{file, POLLOUT, 0};
      poll(&ready, 1, kPollMs);
      continue;
    }
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

void RankLines::write_begun() {
  for (const auto& [rank, line] : begun_) {
    if (!line.empty()) write_(rank, line);
  }
  begun_.clear();
}

void RankLines::add(std::string_view text) {
  if (begun_.size() > kMostBegun) write_begun();  // a worker's text may name any rank
  while (!text.empty()) {
    std::string& line = begun_[source_];
    const std::size_t end = text.find('\n');
    const std::size_t room = kLongestLine - line.size();
    const std::size_t taken = std::min({end, text.size(), room});
    line += text.substr(0, taken);
    text.remove_prefix(taken);
    if (text.empty() && line.size() < kLongestLine) return;
    write_(source_, line);
    begun_.erase(source_);
    if (!text.empty() && text.front() == '\n') {
      text.remove_prefix(1);
      source_ = kMpirun;  // unless a tag follows
    }
  }
}

void RankLines::take(std::string_view bytes) {
  unread_ += bytes;
  std::string_view text = unread_;
  while (!text.empty()) {
    if (is_after_tag_) {
      const bool is_space = text.front() == ' ';
      if (!tags_end_with_space_) tags_end_with_space_ = is_space;
      if (is_space && *tags_end_with_space_) text.remove_prefix(1);
      is_after_tag_ = false;
      continue;
    }
    if (text.front() == '[') {
      const Tag tag = tag_at(text);
      if (tag.cut_off) break;
      if (tag.length > 0) {
        source_ = tag.rank;
        text.remove_prefix(tag.length);
        is_after_tag_ = true;
        continue;
      }
    }
    // A line at a time: what follows it may be somebody else's.
    const std::size_t end = text.find('\n');
    const std::size_t after_end = end == std::string_view::npos ? text.size() : end + 1;
    const std::size_t length = std::min(text.find('[', 1), after_end);
    add(text.substr(0, length));
    text.remove_prefix(length);
  }
  unread_.erase(0, unread_.size() - text.size());
}

void RankLines::finish() {
  const std::string rest = std::move(unread_);
  unread_.clear();
  add(rest);
  write_begun();
}

std::string shown_line(int rank, std::string_view line, bool tagged) {
  const std::string tag = fmt::format("rank {}: ", rank);
  const bool needs_tag = tagged && rank != RankLines::kMpirun && !line.starts_with(tag);
  return fmt::format("{}{}\n", needs_tag ? tag : "", line);
}

struct RankOutput::State {
  struct Stream {
    int reading = -1, writing = -1;
    RankLines lines;
    MpirunLines of_mpirun;
    bool reader_is_gone = false;
  };

  explicit State(bool is_tagged) : tagged(is_tagged) {
    streams.reserve(2);
    for (const int file : {STDOUT_FILENO, STDERR_FILENO}) {
      std::array<int, 2> ends{};
      if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw InputError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
      }
      fcntl(ends[0], F_SETFL, O_NONBLOCK);
      const std::size_t number = streams.size();
      streams.push_back({ends[0],
                         ends[1],
                         RankLines([this, number, file](int rank, std::string_view line) {
                           show(streams[number], file, rank, line);
                         }),
                         {}});
    }
  }
  ~State() {
    close_job_ends();
    for (const Stream& stream : streams) {
      if (stream.reading >= 0) close(stream.reading);
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void show(Stream& stream, int file, int rank, std::string_view line) const {
    const auto write = [&](std::string_view text) {
      stream.reader_is_gone =
          stream.reader_is_gone || !write_whole(file, shown_line(rank, text, tagged));
    };
    if (rank == RankLines::kMpirun) {
      for (const std::string& text : stream.of_mpirun.take(line)) write(text);
    } else if (!is_mpi_noise(line)) {
      write(line);
    }
  }

  void close_job_ends() {
    for (Stream& stream : streams) {
      if (stream.writing >= 0) close(stream.writing);
      stream.writing = -1;
    }
  }

  /// Takes in a part of what is there, so that a rank that never pauses keeps neither the other
  /// stream nor the end waiting. False where there was nothing; `open` is false then at the
  /// stream's end.
  static bool read_on(Stream& stream, bool& open) {
    std::array<char, 1U << 14U> bytes{};
    const ssize_t size = read(stream.reading, bytes.data(), bytes.size());
    if (size > 0) stream.lines.take({bytes.data(), static_cast<std::size_t>(size)});
    open = size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
    return size > 0 || (size < 0 && errno == EINTR);
  }

  void pass_on() {
    std::array<bool, 2> open{true, true};
    while (open[0] || open[1]) {
      const bool last = ended.load();
      std::array<pollfd, 2> ready{};
      for (std::size_t i = 0; i < 2; ++i) ready[i] = {open[i] ? streams[i].reading : -1, POLLIN, 0};
      if (!last) poll(ready.data(), ready.size(), kPollMs);
      for (std::size_t i = 0; i < 2; ++i) {
        for (int part = 0; part < (last ? kMostPartsLeft : 1) && open[i]; ++part) {
          if (!read_on(streams[i], open[i])) break;
        }
      }
      if (last) break;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      Stream& stream = streams[i];
      stream.lines.finish();
      for (const std::string& text : stream.of_mpirun.finish())
        write_whole(i == 0 ? STDOUT_FILENO : STDERR_FILENO, text + "\n");
    }
  }

  bool tagged;
  std::vector<Stream> streams;
  std::atomic<bool> ended{false};
  std::vector<std::thread> thread;
};

RankOutput::RankOutput(bool tagged) : state_(std::make_unique<State>(tagged)) {}

RankOutput::~RankOutput() { finish(); }

int RankOutput::output_end() const { return state_->streams[0].writing; }
int RankOutput::error_end() const { return state_->streams[1].writing; }

void RankOutput::begin() {
  state_->close_job_ends();
  State* state = state_.get();
  start_threads(
      0, 1, [state](std::size_t) { state->pass_on(); }, state_->thread);
}

void RankOutput::finish() {
  state_->ended = true;
  for (std::thread& thread : state_->thread) thread.join();
  state_->thread.clear();
}

}  // namespace detox
