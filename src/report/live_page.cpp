#include "report/live_page.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "record/run_files.hpp"

namespace detox {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto kBetweenLooks = 500ms;

/// As a viewer's browser unpacks it; quickly rather than small.
std::string gzipped(const std::string& text) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16, kMemory = 8, kLevel = 3;
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int end = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (end != Z_STREAM_END) throw std::bad_alloc();
  return packed;
}

std::shared_ptr<const PageSource::Data> make_data(std::uint64_t version, std::string json) {
  auto data = std::make_shared<PageSource::Data>();
  data->version = version;
  data->gzipped = gzipped(json);
  data->json = std::move(json);
  return data;
}

/// What the run's files are like, in as far as others are told by it.
std::string state_of_files(const fs::path& run) {
  std::string text;
  for (const std::string_view name :
       {kConfigFile, kStatusFile, kMetricsFile, kRoundsFile, kLedgerFile, kAttackersFile,
        kEvaluationsFile, kLatencyFile}) {
    struct stat file {};
    if (stat((run / name).c_str(), &file) != 0) file = {};
    text += fmt::format("{} {} {}.{} ", file.st_ino, file.st_size, file.st_mtim.tv_sec,
                        file.st_mtim.tv_nsec);
  }
  return text;
}

/// By the clock of this machine, and of the file system's; 0 where there was none.
double seconds_since_step(const fs::path& run) {
  std::error_code none;
  const fs::file_time_type written = fs::last_write_time(run / kMetricsFile, none);
  if (none) return 0;
  const std::chrono::duration<double> age = fs::file_time_type::clock::now() - written;
  return std::max(0.0, age.count());
}

}  // namespace

LivePage::LivePage(fs::path run, std::string page, std::string nothing, ReadRun read)
    : run_(std::move(run)),
      page_(std::move(page)),
      read_(std::move(read)),
      data_(make_data(0, std::move(nothing))),
      reader_([this] { keep_reading(); }) {}

LivePage::~LivePage() {
  close();
  reader_.join();
}

void LivePage::close() {
  const std::lock_guard lock(mutex_);
  ends_ = true;
  has_news_.notify_all();
  is_wanted_.notify_all();
  has_looked_.notify_all();
}

std::shared_ptr<const PageSource::Data> LivePage::data() {
  std::unique_lock lock(mutex_);
  // While others watch, or right behind a look, what is there is new enough.
  if ((viewers_ == 0 && !rests_) || looks_ == 0) {
    const std::uint64_t awaited = looks_ + 1;
    wanted_ = std::max(wanted_, awaited);
    is_wanted_.notify_all();
    has_looked_.wait(lock, [&] { return looks_ >= awaited || ends_; });
  }
  return data_;
}

PageSource::News LivePage::wait_for_news(std::uint64_t seen, std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  ++viewers_;
  is_wanted_.notify_all();
  has_news_.wait_for(lock, most, [&] { return ends_ || number_ > seen; });
  --viewers_;
  return {number_, event()};
}

void LivePage::show_end() {
  std::unique_lock lock(mutex_);
  const std::uint64_t awaited = looks_ + 2;  // the one that goes on may be too early
  shows_end_ = true;
  wanted_ = std::max(wanted_, awaited);
  is_wanted_.notify_all();
  constexpr auto kMost = 5s;
  has_looked_.wait_for(lock, kMost, [&] { return looks_ >= awaited || ends_; });
}

/// Under the lock.
std::string LivePage::event() const {
  return nlohmann::json{{"version", data_->version},
                        {"state", to_string(state_.condition)},
                        {"since", seconds_since_step(run_)},
                        {"resumed", state_.was_resumed},
                        {"why", state_.why}}
      .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void LivePage::keep_reading() {
  constexpr int kShare = 4;  // of the time: no more than a fifth of a core
  std::unique_lock lock(mutex_);
  while (!ends_) {
    is_wanted_.wait(lock, [this] { return ends_ || viewers_ > 0 || wanted_ > looks_; });
    if (ends_) return;
    lock.unlock();
    const Clock::time_point begin = Clock::now();
    look();
    const Clock::duration took = Clock::now() - begin;
    lock.lock();
    ++looks_;
    has_looked_.notify_all();
    rests_ = true;
    is_wanted_.wait_for(lock, std::max<Clock::duration>(kBetweenLooks, kShare * took),
                        [this] { return ends_ || shows_end_; });
    rests_ = false;
  }
}

LivePage::State LivePage::state_of_run(const State& before) const {
  const RunStanding standing = standing_of(run_);
  State state{standing.condition, false, standing.message};
  const bool had_ended =
      before.condition != RunCondition::kAbsent && before.condition != RunCondition::kRunning;
  if (state.condition == RunCondition::kRunning)
    state.was_resumed = had_ended || before.was_resumed;
  return state;
}

/// By the reading thread alone, which is the only one to change what it holds.
void LivePage::look() {
  State state = state_;
  std::string files = state_of_files(run_);
  std::shared_ptr<const Data> data = data_;
  try {
    state = state_of_run(state_);
    const bool is_there = state.condition != RunCondition::kAbsent;
    if (is_there && (files != files_ || state.condition != state_.condition))
      data = make_data(data_->version + 1, read_(run_));
  } catch (const std::exception& error) {
    // A file that is being replaced, a damaged one, or a file system that fails: the next look
    // tells.
    state.why = error.what();
    files.clear();
  }
  files_ = std::move(files);
  const std::lock_guard lock(mutex_);
  if (state == state_ && data == data_) return;
  state_ = std::move(state);
  data_ = std::move(data);
  ++number_;
  has_news_.notify_all();
}

}  // namespace detox
