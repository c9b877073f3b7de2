// The line that says how far something is, on a terminal of its own and without one.
#include "base/progress_line.hpp"

#include <gtest/gtest.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <string>

#include "base/duration_text.hpp"
#include "base/log.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;

class HandWound final : public Clock {
 public:
  time_point now() const override { return now_; }
  void pass(milliseconds time) { now_ += time; }

 private:
  time_point now_;
};

/// Standard error is a terminal of so many columns while this lives.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : before_(dup(STDERR_FILENO)) {
    termios as_written{};
    cfmakeraw(&as_written);
    winsize size{};
    size.ws_col = columns;
    size.ws_row = 24;
    int there = -1;
    EXPECT_EQ(openpty(&here_, &there, nullptr, &as_written, &size), 0);
    dup2(there, STDERR_FILENO);
    close(there);
  }
  ~Terminal() {
    restore();
    close(here_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// All that was written; the terminal ends.
  std::string text() {
    constexpr std::string_view kEnd = "<end>";
    EXPECT_EQ(::write(STDERR_FILENO, kEnd.data(), kEnd.size()), static_cast<ssize_t>(kEnd.size()));
    std::string found;
    char byte = 0;
    while (!found.ends_with(kEnd) && ::read(here_, &byte, 1) == 1) found += byte;
    EXPECT_TRUE(found.ends_with(kEnd));
    restore();
    return found.substr(0, found.size() - kEnd.size());
  }

 private:
  void restore() {
    if (before_ < 0) return;
    dup2(before_, STDERR_FILENO);
    close(before_);
    before_ = -1;
  }

  int before_, here_ = -1;
};

TEST(ProgressLine, IsRedrawnInItsPlaceAndEndsWithItsOwner) {
  Terminal terminal(80);
  {
    ProgressLine line;
    EXPECT_TRUE(line.is_on_terminal());
    line.show("half of it", 1, 2);
    line.show("all of it", 9, 9);
  }
  EXPECT_EQ(terminal.text(),
            "\r[###############...............] half of it\x1b[K"
            "\r[##############################] all of it\x1b[K\n");
}

TEST(ProgressLine, IsRedrawnTenTimesASecondAndAtLast) {
  Terminal terminal(80);
  HandWound clock;
  ProgressLine line(clock);
  EXPECT_TRUE(line.is_due(false, false));
  line.show("1");
  clock.pass(milliseconds(99));
  EXPECT_FALSE(line.is_due(false, true));
  EXPECT_TRUE(line.is_due(true, false));
  clock.pass(milliseconds(1));
  EXPECT_TRUE(line.is_due(false, false));
}

TEST(ProgressLine, FitsTheTerminal) {
  Terminal terminal(20);
  {
    ProgressLine line;
    line.show("nine left", 1, 2);
    line.show("eleven left", 1, 2);
    line.show("twelve   left", 1, 2);
    line.show("far more than there is room for", 1, 2);
  }
  EXPECT_EQ(terminal.text(),
            "\r[###....] nine left\x1b[K"
            "\r[##...] eleven left\x1b[K"
            "\rtwelve   left\x1b[K"
            "\rfar more than there\x1b[K\n");
}

TEST(ProgressLine, IsLeftAboveALogLine) {
  Terminal terminal(80);
  {
    ProgressLine line;
    line.show("halfway");
    log_line("by the way");
    line.show("done");
  }
  EXPECT_EQ(terminal.text(), "\rhalfway\x1b[K\nby the way\n\rdone\x1b[K\n");
}

TEST(ProgressLine, IsPlainLinesForWhomTheLogIsSentTo) {
  Terminal terminal(80);
  std::string heard;
  send_log_to([&heard](std::string_view line) { heard.append(line).append("|"); });
  {
    ProgressLine line;
    EXPECT_FALSE(line.is_on_terminal());
    line.show("halfway", 1, 2);
    log_line("by the way");
    line.erase();
  }
  send_log_to({});
  log_line("as before");
  EXPECT_EQ(heard, "halfway|by the way|");
  EXPECT_EQ(terminal.text(), "as before\n");
}

TEST(ProgressLine, LeavesNothingWhereItIsErased) {
  Terminal terminal(80);
  {
    ProgressLine line;
    line.show("halfway");
    line.erase();
    line.erase();
    log_line("done");
  }
  EXPECT_EQ(terminal.text(), "\rhalfway\x1b[K\r\x1b[Kdone\n");
}

TEST(ProgressLine, IsPlainLinesWhereThereIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    ProgressLine line;
    EXPECT_FALSE(line.is_on_terminal());
    EXPECT_TRUE(line.is_due(false, true));
    EXPECT_FALSE(line.is_due(true, false));
    line.show("half of it", 1, 2);
    line.erase();
    line.show("all of it");
    line.end();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "half of it\nall of it\n");
}

TEST(DurationText, IsInHoursMinutesAndSeconds) {
  EXPECT_EQ(duration_text(-1), "0:00");
  EXPECT_EQ(duration_text(59.6), "1:00");
  EXPECT_EQ(duration_text(3723), "1:02:03");
}

}  // namespace
}  // namespace detox
