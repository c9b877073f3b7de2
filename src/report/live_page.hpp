// A run as the page of a report that is kept up to date: read once for all viewers, when it has
// changed and somebody looks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "report/page_server.hpp"
#include "review/standing.hpp"

namespace detox {

/// Starts a thread of its own that reads. The run may not be there yet, go on, die and be resumed.
class LivePage final : public PageSource {
 public:
  /// What the page draws, as JSON; viewers are told what it throws.
  using ReadRun = std::function<std::string(const std::filesystem::path& run)>;

  /// `nothing`: what the page draws as long as there is no run.
  LivePage(std::filesystem::path run, std::string page, std::string nothing, ReadRun read);
  ~LivePage() override;
  LivePage(const LivePage&) = delete;
  LivePage& operator=(const LivePage&) = delete;

  const std::string& page() const override { return page_; }
  std::shared_ptr<const Data> data() override;
  /// {"version": of data(), "state": as to_string(RunCondition), "since": seconds since the last
  /// step, "resumed": whether it had ended before, "why": text}.
  News wait_for_news(std::uint64_t seen, std::chrono::milliseconds most) override;
  void close() override;

  /// Reads once more, and gives viewers the time to take it, but not long.
  void show_end();

 private:
  using Clock = std::chrono::steady_clock;

  struct State {
    RunCondition condition = RunCondition::kAbsent;
    bool was_resumed = false;
    std::string why;  ///< it failed, or cannot be read
    bool operator==(const State&) const = default;
  };

  void keep_reading();
  void look();
  State state_of_run(const State& before) const;
  std::string event() const;

  const std::filesystem::path run_;
  const std::string page_;
  const ReadRun read_;

  std::mutex mutex_;
  std::condition_variable has_news_, is_wanted_, has_looked_;
  std::shared_ptr<const Data> data_;
  State state_;
  std::uint64_t number_ = 1;
  std::uint64_t looks_ = 0;   ///< that have ended
  std::uint64_t wanted_ = 0;  ///< looks that somebody waits for
  std::size_t viewers_ = 0;   ///< who wait for news
  bool rests_ = false;        ///< the reading thread, between two looks
  bool ends_ = false, shows_end_ = false;

  std::string files_;  ///< of the reading thread alone: what they were like when they were read
  std::thread reader_;
};

}  // namespace detox
