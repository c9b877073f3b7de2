#include "record/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/round_number.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

class JournalFile : public testing::Test {
 protected:
  std::string content() const { return get_file(file_); }
  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "metrics.jsonl";
};

TEST_F(JournalFile, HoldsOneObjectALineWithSortedKeys) {
  {
    Journal journal(file_);
    EXPECT_TRUE(journal.append({{"step", 0}, {"loss", 2.5}}));
    EXPECT_TRUE(journal.append({{"step", 1}, {"text", "two\nlines"}}));
  }
  EXPECT_EQ(content(), "{\"loss\":2.5,\"step\":0}\n{\"step\":1,\"text\":\"two\\nlines\"}\n");
}

TEST_F(JournalFile, GoesOnWhereItEnded) {
  EXPECT_TRUE(Journal(file_).append({{"step", 0}}));
  EXPECT_TRUE(Journal(file_).append({{"step", 1}}));
  EXPECT_EQ(content(), "{\"step\":0}\n{\"step\":1}\n");
}

TEST_F(JournalFile, DropsLaterStepsWhenResumed) {
  put_file(file_, "{\"step\":4}\n{\"step\":5}\n{\"step\":6}\n");
  Journal journal(file_, 5);
  EXPECT_TRUE(journal.append({{"step", 6}, {"again", true}}));
  EXPECT_EQ(content(), "{\"step\":4}\n{\"step\":5}\n{\"again\":true,\"step\":6}\n");
}

TEST_F(JournalFile, DropsABrokenLastLine) {
  for (const char* broken : {"{\"step\":1", "{\"step\":1}", "{", "\n", "nonsense\n", "[1]\n"}) {
    put_file(file_, std::string("{\"step\":0}\n") + broken);
    EXPECT_TRUE(Journal(file_).append({{"step", 2}}));
    EXPECT_EQ(content(), "{\"step\":0}\n{\"step\":2}\n") << broken;
  }
}

std::string lines_of(const std::vector<std::uint64_t>& steps) {
  std::string text;
  for (const std::uint64_t step : steps) text += "{\"step\":" + std::to_string(step) + "}\n";
  return text;
}

TEST_F(JournalFile, TellsWhichStepsItLacks) {
  using Gaps = std::vector<Journal::Steps>;
  EXPECT_EQ(Journal(file_, 7).gaps(), Gaps{});  // it was not there
  for (const auto& [steps, gaps] : std::vector<std::pair<std::vector<std::uint64_t>, Gaps>>{
           {{}, {{1, 7}}},
           {{1, 2, 3, 4, 5, 6, 7, 8, 9}, {}},
           {{1, 2, 3, 4}, {{5, 7}}},
           {{1, 2, 5, 7}, {{3, 4}, {6, 6}}},
           {{4, 5, 6, 7}, {}},  // it began after a checkpoint of another directory
           {{4, 3, 4, 6, 8}, {{5, 5}, {7, 7}}}}) {
    put_file(file_, lines_of(steps));
    EXPECT_EQ(Journal(file_, 7).gaps(), gaps) << lines_of(steps);
  }
  EXPECT_EQ(Journal(file_).gaps(), Gaps{});
  put_file(file_, "");
  EXPECT_EQ(Journal(file_, 0).gaps(), Gaps{});
}

TEST_F(JournalFile, TellsTheStepOfItsLastWholeLine) {
  EXPECT_FALSE(Journal::last_step(file_).has_value());
  for (const char* text : {"", "{\"step\":1}", "\n", "{\"run\":1}\n", "nonsense\n", "[1]\n"}) {
    put_file(file_, text);
    EXPECT_FALSE(Journal::last_step(file_).has_value()) << text;
  }
  for (const char* text :
       {"{\"step\":7}\n", "{\"step\":6}\n{\"step\":7}\n", "{\"step\":7}\n{\"st"}) {
    put_file(file_, text);
    EXPECT_EQ(Journal::last_step(file_), 7U) << text;
  }
}

TEST_F(JournalFile, KeepsTheAttemptsBeforeWholeAndDropsWhatIsLaterInItsOwn) {
  const std::string first = "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n",
                    back = "{\"attempt\":1,\"back_from\":3,\"step\":1}\n",
                    second = "{\"attempt\":1,\"step\":2}\n",
                    third = "{\"attempt\":1,\"step\":3}\n{\"attempt\":2,\"step\":1}\n";
  const auto kept = [&](std::uint64_t attempt, std::uint64_t step) {
    put_file(file_, first + back + second + third);
    Journal::truncate_after(file_, round_number(attempt, step));
    return content();
  };
  EXPECT_EQ(kept(1, 2), first + back + second);
  EXPECT_EQ(kept(1, 1), first + back);
  EXPECT_EQ(kept(0, 3), first);
  EXPECT_EQ(kept(0, 2), "{\"step\":1}\n{\"step\":2}\n");
  EXPECT_EQ(kept(2, 1), first + back + second + third);
  // Of no attempt that there can be.
  put_file(file_, first + "{\"attempt\":65536,\"step\":1}\n");
  Journal::truncate_after(file_, round_number(kMostAttempts, 3));
  EXPECT_EQ(content(), first);
}

TEST_F(JournalFile, TellsGapsInTheStepsThatStand) {
  put_file(file_,
           "{\"step\":1}\n{\"step\":4}\n{\"attempt\":1,\"step\":2}\n{\"attempt\":1,\"step\":3}\n"
           "{\"attempt\":1,\"step\":5}\n");
  const Journal journal(file_, round_number(1, 5));
  EXPECT_EQ(journal.gaps(), (std::vector<Journal::Steps>{{4, 4}}));
  EXPECT_EQ(journal.last_attempt(), 1U);
}

TEST_F(JournalFile, KeepsLinesThatAreOfNoStep) {
  const std::string lines = "{\"run\":\"a\"}\n{\"step\":\"x\"}\n{\"step\":1}\n";
  put_file(file_, lines + "{\"step\":2}\n");
  Journal::truncate_after(file_, 1);
  EXPECT_EQ(content(), lines);
}

TEST_F(JournalFile, IsLeftAloneWhereThereIsNothingToDrop) {
  put_file(file_, "{\"step\":1}\n");
  const auto before = std::filesystem::last_write_time(file_);
  Journal::truncate_after(file_, 1);
  EXPECT_EQ(std::filesystem::last_write_time(file_), before);
  EXPECT_EQ(content(), "{\"step\":1}\n");
  Journal::truncate_after(folder_.path() / "absent", 1);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "absent"));
}

TEST_F(JournalFile, WritesTextAndNumbersThatJsonCannotHold) {
  Journal journal(file_);
  EXPECT_TRUE(
      journal.append({{"text", "\xff"}, {"loss", std::numeric_limits<double>::quiet_NaN()}}));
  EXPECT_EQ(content(), "{\"loss\":null,\"text\":\"\xef\xbf\xbd\"}\n");
}

TEST_F(JournalFile, NamesAPlaceWhereItCannotBe) {
  EXPECT_THAT(message_of<InputError>([] { Journal journal("/proc/nonexistent/metrics.jsonl"); }),
              testing::HasSubstr("cannot write /proc/nonexistent/metrics.jsonl"));
}

}  // namespace
}  // namespace detox
