// A run as its page shows it while it goes on. The server around it: tests/program/watch_test.py.
#include "report/live_page.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using namespace std::chrono_literals;

class LivePages : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() / name) << text;
  }

  void finish(int step) const {
    write("run.json", R"({"message":"","status":"finished","step":)" + std::to_string(step) + "}");
  }

  LivePage page() {
    return {folder_.path(), "<!DOCTYPE html>", "{}", [this](const std::filesystem::path&) {
              return R"({"reading":)" + std::to_string(++readings_) + "}";
            }};
  }

  /// The first news behind `seen` of data that are newer than `version`.
  static PageSource::News newer(LivePage& page, std::uint64_t seen, std::uint64_t version) {
    for (;;) {
      PageSource::News news = page.wait_for_news(seen, 10s);
      if (nlohmann::json::parse(news.event).at("version").get<std::uint64_t>() > version)
        return news;
      seen = news.number;
    }
  }

  TemporaryDirectory folder_;
  std::atomic<int> readings_{0};
};

TEST_F(LivePages, AreReadOnceForEachChangeHoweverManyLook) {
  finish(1);
  LivePage page = this->page();
  EXPECT_EQ(readings_, 0);  // nobody looks
  constexpr int kViewers = 50;
  std::atomic<int> saw_first{0}, saw_second{0};
  std::vector<std::thread> viewers;
  viewers.reserve(kViewers);
  for (int i = 0; i < kViewers; ++i) {
    viewers.emplace_back([&] {
      const PageSource::News first = newer(page, 0, 0);
      saw_first += page.data()->json == R"({"reading":1})" ? 1 : 0;
      newer(page, first.number, 1);
      saw_second += page.data()->json == R"({"reading":2})" ? 1 : 0;
    });
  }
  while (saw_first < kViewers && saw_second == 0) std::this_thread::yield();
  write("metrics.jsonl", "{}\n");
  for (std::thread& viewer : viewers) viewer.join();
  EXPECT_EQ(saw_first, kViewers);
  EXPECT_EQ(saw_second, kViewers);
  EXPECT_EQ(readings_, 2);
}

TEST_F(LivePages, OfNoRunHoldNothingAndSayThatItIsAbsent) {
  LivePage page = this->page();
  EXPECT_EQ(page.data()->json, "{}");
  const nlohmann::json event = nlohmann::json::parse(page.wait_for_news(0, 10s).event);
  EXPECT_EQ(event.at("state"), "absent");
  EXPECT_EQ(event.at("version"), 0);
  EXPECT_EQ(readings_, 0);
}

TEST_F(LivePages, SayWhatReadingThrowsAndReadAgain) {
  finish(1);
  std::atomic<bool> is_fine{false};
  LivePage page(folder_.path(), "<!DOCTYPE html>", "{}", [&](const std::filesystem::path&) {
    return is_fine ? "[1]" : std::to_string(std::filesystem::file_size("/dev/null/run"));
  });
  EXPECT_EQ(page.data()->json, "{}");
  const PageSource::News news = page.wait_for_news(1, 10s);
  EXPECT_NE(news.event.find("/dev/null/run"), std::string::npos) << news.event;
  is_fine = true;
  newer(page, news.number, 0);
  EXPECT_EQ(page.data()->json, "[1]");
}

TEST_F(LivePages, ShowTheEndThatCameRightBefore) {
  LivePage page = this->page();
  page.data();
  finish(3);
  page.show_end();
  EXPECT_EQ(nlohmann::json::parse(page.wait_for_news(0, 10s).event).at("state"), "finished");
  EXPECT_EQ(page.data()->json, R"({"reading":1})");
}

TEST_F(LivePages, EndNobodysWaitLaterThanTheirs) {
  LivePage page = this->page();
  std::thread viewer([&] { page.wait_for_news(1'000'000, 1h); });
  page.close();
  viewer.join();
}

}  // namespace
}  // namespace detox
