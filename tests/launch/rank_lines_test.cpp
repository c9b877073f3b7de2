#include "launch/rank_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

namespace detox {
namespace {

using testing::ElementsAre;
using testing::Pair;

using Lines = std::vector<std::pair<int, std::string>>;

Lines lines_of(const std::vector<std::string>& reads) {
  Lines lines;
  RankLines stream([&lines](int rank, std::string_view line) { lines.emplace_back(rank, line); });
  for (const std::string& bytes : reads) stream.take(bytes);
  stream.finish();
  return lines;
}

TEST(RankLines, PutsTogetherWhatRanksWroteInPieces) {
  // As mpirun --tag-output of Open MPI 4.1.4 gave it for two ranks that print "ab" in two pieces.
  EXPECT_THAT(lines_of({"[1,0]<stdout>:a[1,1]<stdout>:a[1,1]<stdout>:b\n[1,1]<stdout>:ccc\n",
                        "[1,1]<stdout>:ddd[1,0]<stdout>:b\n[1,1]<stdout>:e\n"}),
              ElementsAre(Pair(1, "ab"), Pair(1, "ccc"), Pair(0, "ab"), Pair(1, "ddde")));
}

TEST(RankLines, AreReadWithTheTagsOfOpenMpi5AsWell) {
  // As mpirun --tag-output of Open MPI 5.0.7 gave it.
  EXPECT_THAT(lines_of({"[1,0]<stdout>: a\n[1,1]<stdout>:", "   two\n[1,1]<stdout>: \n"}),
              ElementsAre(Pair(0, "a"), Pair(1, "  two"), Pair(1, "")));
  EXPECT_THAT(lines_of({"[1,0]<stdout>:a\n[1,1]<stdout>:  two\n[1,1]<stdout>:\n"}),
              ElementsAre(Pair(0, "a"), Pair(1, "  two"), Pair(1, "")));
}

TEST(RankLines, AreTheSameHoweverTheStreamIsCut) {
  const std::string stream =
      "[1,0]<stderr>:one\n[1,12]<stderr>:two [1,2] <b>[x]\nmpirun: a "
      "word\n[1,0]<stderr>:\n[1,3]<stderr>:";
  const Lines whole = lines_of({stream});
  EXPECT_THAT(whole, ElementsAre(Pair(0, "one"), Pair(12, "two [1,2] <b>[x]"),
                                 Pair(RankLines::kMpirun, "mpirun: a word"), Pair(0, "")));
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    EXPECT_EQ(lines_of({stream.substr(0, cut), stream.substr(cut)}), whole) << cut;
  }
  std::vector<std::string> letters;
  for (const char c : stream) letters.emplace_back(1, c);
  EXPECT_EQ(lines_of(letters), whole);
}

TEST(RankLines, GoOverFromOneRankToTheNextWithoutAnEnd) {
  EXPECT_THAT(lines_of({"[1,0]<stdout>:a[1,1]<stdout>:b"}),
              ElementsAre(Pair(0, "a"), Pair(1, "b")));
}

TEST(RankLines, EndWithWhatHasNoEnd) {
  EXPECT_THAT(lines_of({"[1,0]<stdout>:half", "[1,1]<stdo"}),
              ElementsAre(Pair(0, "half[1,1]<stdo")));
}

TEST(RankLines, CutALineThatNeverEnds) {
  const Lines lines = lines_of({"[1,0]<stdout>:" + std::string(RankLines::kLongestLine + 5, 'x')});
  ASSERT_EQ(lines.size(), 2);
  EXPECT_EQ(lines[0].second.size(), RankLines::kLongestLine);
  EXPECT_EQ(lines[1].second, "xxxxx");
}

TEST(RankLines, AreShownWithTheRankOnce) {
  EXPECT_EQ(shown_line(3, "text", true), "rank 3: text\n");
  EXPECT_EQ(shown_line(3, "rank 3: text", true), "rank 3: text\n");
  EXPECT_EQ(shown_line(3, "text", false), "text\n");
  EXPECT_EQ(shown_line(RankLines::kMpirun, "text", true), "text\n");
}

TEST(RankOutput, PassesOnBothStreamsAndDoesNotWaitForWhoStillHoldsThem) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  RankOutput output(true);
  const int kept = dup(output.output_end());
  const pid_t job = fork();
  if (job == 0) {
    dup2(output.output_end(), STDOUT_FILENO);
    dup2(output.error_end(), STDERR_FILENO);
    execlp("sh", "sh", "-c", "printf '[1,1]<stdout>:well\\n'; printf '[1,2]<stderr>:bad' >&2",
           nullptr);
    _exit(99);
  }
  output.begin();
  int status = 0;
  waitpid(job, &status, 0);
  output.finish();
  close(kept);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "rank 1: well\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "rank 2: bad\n");
}

TEST(RankOutput, HearsTheOtherStreamAndEndsThoughARankNeverStopsTalking) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  RankOutput output(true);
  const pid_t job = fork();
  if (job == 0) {
    dup2(output.output_end(), STDOUT_FILENO);
    execlp("yes", "yes", nullptr);
    _exit(99);
  }
  constexpr std::string_view kLine = "[1,2]<stderr>:heard\n";
  ASSERT_EQ(write(output.error_end(), kLine.data(), kLine.size()),
            static_cast<ssize_t>(kLine.size()));
  output.begin();
  // What is captured goes into files.
  const auto has_come = [](int stream) {
    struct stat status {};
    return fstat(stream, &status) == 0 && status.st_size > 0;
  };
  for (int i = 0; i < 20'000 && !(has_come(STDOUT_FILENO) && has_come(STDERR_FILENO)); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  output.finish();  // the rank still talks
  kill(job, SIGKILL);
  waitpid(job, nullptr, 0);
  EXPECT_FALSE(testing::internal::GetCapturedStdout().empty());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "rank 2: heard\n");
}

}  // namespace
}  // namespace detox
