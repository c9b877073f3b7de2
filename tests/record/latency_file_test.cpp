#include "record/latency_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <limits>

#include "base/round_number.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "support/in_child.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kEveryRound = std::numeric_limits<std::uint64_t>::max();
const std::string kOfTheRun(64, 'a');

StepLatency step_of(const std::vector<double>& seconds) {
  StepLatency latency(seconds.size());
  for (std::uint32_t worker = 0; worker < seconds.size(); ++worker) {
    if (seconds[worker] < 0) continue;
    latency.order(worker);
    if (seconds[worker] > 0) latency.answer(worker, seconds[worker]);
  }
  return latency;
}

TEST(LatencyCode, IsAtMostAThirdOfAPercentOffFromAMicrosecondToADay) {
  constexpr double kFactor = 1.0007;
  const int count = static_cast<int>(std::log(86400e6) / std::log(kFactor));
  for (int i = 0; i < count; ++i) {
    const double seconds = 1e-6 * std::pow(kFactor, i);
    const double read = latency_seconds(latency_code(seconds));
    ASSERT_NEAR(read / seconds, 1, 0.0031) << seconds;
  }
}

TEST(LatencyCode, TakesTheNearestOfWhatIsBeyond) {
  for (const double seconds : {0.0, -1.0, 1e-9, std::nan("")})
    EXPECT_EQ(latency_code(seconds), kLeastTime) << seconds;
  for (const double seconds : {1e6, 1e300, std::numeric_limits<double>::infinity()})
    EXPECT_EQ(latency_code(seconds), kMostTime) << seconds;
  EXPECT_NEAR(latency_seconds(kMostTime), 27.67 * 3600, 60);
  EXPECT_TRUE(std::isnan(latency_seconds(kNotOrdered)));
  EXPECT_TRUE(std::isnan(latency_seconds(kNotAnswered)));
}

TEST(StepLatency, KeepsTheLongestOfAWorkersAnswers) {
  StepLatency latency(2);
  latency.order(1);
  EXPECT_THAT(latency.codes(), ElementsAre(kNotOrdered, kNotAnswered));
  latency.answer(1, 0.5);
  latency.answer(1, 0.25);
  latency.order(1);
  EXPECT_THAT(latency.codes(), ElementsAre(kNotOrdered, latency_code(0.5)));
}

class LatencyFile : public testing::Test {
 protected:
  LatencyJournal journal(std::size_t workers = 3, std::uint64_t keep_until = kEveryRound) const {
    return {file_, workers, kOfTheRun, keep_until};
  }
  /// By step: the codes that stand.
  std::vector<std::vector<LatencyCode>> codes() const {
    const RecordedLatency recorded(file_);
    std::vector<std::vector<LatencyCode>> all;
    for (const RecordedLatency::Step& step : recorded.steps())
      recorded.read(step, all.emplace_back(recorded.workers()));
    return all;
  }
  std::vector<std::uint64_t> steps() const {
    const RecordedLatency recorded(file_);
    std::vector<std::uint64_t> numbers;
    for (const RecordedLatency::Step& step : recorded.steps()) numbers.push_back(step.step);
    return numbers;
  }
  std::string error() const {
    return message_of<InputError>([&] {
      const RecordedLatency recorded(file_);
      std::vector<LatencyCode> codes(recorded.workers());
      for (const RecordedLatency::Step& step : recorded.steps()) recorded.read(step, codes);
    });
  }
  void fill(LatencyJournal& journal, std::uint64_t first, std::uint64_t last,
            std::uint64_t attempt = 0) const {
    for (std::uint64_t step = first; step <= last; ++step)
      ASSERT_TRUE(journal.append(round_number(attempt, step), step_of({0.5, 0, -1})));
  }
  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "latency.bin";
};

TEST_F(LatencyFile, IsReadBackAsItWasWritten) {
  for (const std::size_t workers : {1U, 2U, 3U, 45U}) {
    std::filesystem::remove(file_);
    LatencyJournal written = journal(workers);
    std::vector<std::vector<LatencyCode>> expected;
    for (std::uint64_t step = 1; step <= 4; ++step) {
      StepLatency latency(workers);
      for (std::uint32_t worker = 0; worker < workers; ++worker) {
        if ((worker + step) % 4 > 0) latency.order(worker);
        if ((worker + step) % 4 > 1) latency.answer(worker, 1e-3 * (worker + 1));
      }
      ASSERT_TRUE(written.append(step, latency));
      expected.emplace_back(latency.codes().begin(), latency.codes().end());
    }
    EXPECT_EQ(codes(), expected);
    EXPECT_EQ(RecordedLatency(file_).workers(), workers);
    EXPECT_EQ(RecordedLatency(file_).config_digest(), kOfTheRun);
  }
}

TEST_F(LatencyFile, TakesLessThanTwoBytesAWorkerAndStep) {
  LatencyJournal written = journal(1000);
  for (std::uint64_t step = 1; step <= 100; ++step)
    ASSERT_TRUE(written.append(step, StepLatency(1000)));
  EXPECT_LT(std::filesystem::file_size(file_), 2 * 1000 * 100 * 8 / 10);
}

TEST_F(LatencyFile, IsEmptyBeforeItsFirstRecord) {
  LatencyJournal written = journal();
  EXPECT_EQ(get_file(file_), "");
}

TEST_F(LatencyFile, DropsLaterStepsWhenResumed) {
  {
    LatencyJournal written = journal();
    fill(written, 1, 6);
  }
  LatencyJournal resumed = journal(3, 4);
  EXPECT_EQ(resumed.last_attempt(), 0U);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4));
  fill(resumed, 5, 5);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5));
  journal(3, 0);
  EXPECT_EQ(get_file(file_), "");
}

TEST_F(LatencyFile, DropsABrokenLastRecord) {
  {
    LatencyJournal written = journal();
    fill(written, 1, 3);
  }
  const std::string whole = get_file(file_);
  for (std::size_t cut = 1; cut < 14; ++cut) {
    put_file(file_, whole.substr(0, whole.size() - cut));
    EXPECT_THAT(steps(), ElementsAre(1, 2)) << "it is being written";
    LatencyJournal resumed = journal();
    fill(resumed, 3, 3);
    EXPECT_EQ(get_file(file_), whole);
  }
}

TEST_F(LatencyFile, BeginsAnewWhereItIsAnotherOnes) {
  {
    LatencyJournal written = journal();
    fill(written, 1, 3);
    EXPECT_FALSE(written.is_begun_anew());
  }
  for (const auto& [workers, digest] :
       {std::pair<std::size_t, std::string>{4, kOfTheRun}, {3, std::string(64, 'b')}}) {
    const std::string before = get_file(file_);
    LatencyJournal other(file_, workers, digest, kEveryRound);
    EXPECT_TRUE(other.is_begun_anew());
    EXPECT_EQ(get_file(file_), "");
    put_file(file_, before);
  }
  put_file(file_, std::string(200, 'x'));
  EXPECT_TRUE(journal().is_begun_anew());
}

TEST_F(LatencyFile, HasTheStepsThatStandOfARunThatWentBack) {
  LatencyJournal written = journal();
  fill(written, 1, 6);
  ASSERT_TRUE(written.append_back(round_number(1, 2)));
  EXPECT_THAT(steps(), ElementsAre(1, 2));
  ASSERT_TRUE(written.append(round_number(1, 3), step_of({0.25, 0.25, 0.25})));
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
  EXPECT_EQ(RecordedLatency(file_).steps().back().attempt, 1U);
  EXPECT_THAT(codes().back(), testing::Each(latency_code(0.25)));
  EXPECT_EQ(journal(3, round_number(1, 3)).last_attempt(), 1U);
  ASSERT_TRUE(journal(3, round_number(1, 2)).append_back(round_number(2, 0)));
  EXPECT_THAT(steps(), ElementsAre());
}

TEST_F(LatencyFile, TakesWhatComesLateIntoItsStepsRecord) {
  LatencyJournal written = journal();
  fill(written, 1, 4);
  const std::uint64_t size = std::filesystem::file_size(file_);
  ASSERT_TRUE(written.amend({3, 1, 2.0}));
  ASSERT_TRUE(written.amend({1, 1, 2.0}));  // too late
  ASSERT_TRUE(written.amend({7, 1, 2.0}));
  EXPECT_EQ(std::filesystem::file_size(file_), size);
  const std::vector<LatencyCode> usual = {latency_code(0.5), kNotAnswered, kNotOrdered};
  EXPECT_THAT(codes(),
              ElementsAre(usual, usual,
                          std::vector{latency_code(0.5), latency_code(2), kNotOrdered}, usual));
  fill(written, 5, 5);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(LatencyFile, RefusesWhatNoRunWrites) {
  EXPECT_THAT(error(), HasSubstr("latency.bin: No such file"));
  LatencyJournal written = journal();
  fill(written, 1, 3);
  const std::string whole = get_file(file_);
  const auto changed = [&](std::size_t at, char to) {
    std::string bytes = whole;
    bytes[at] = to;
    put_file(file_, bytes);
    return error();
  };
  constexpr std::size_t kHeader = 96, kRecord = 14;
  EXPECT_THAT(changed(0, 'x'), HasSubstr("no file of latencies"));
  EXPECT_THAT(changed(16, 5), HasSubstr("header"));     // other workers than the size of a record
  EXPECT_THAT(changed(25, 1), HasSubstr("header"));     // zeros
  EXPECT_THAT(changed(40, '\0'), HasSubstr("header"));  // letters behind the digest's end
  EXPECT_THAT(changed(kHeader + kRecord, 1), HasSubstr("record 2 (attempt 0, step 1)"));
  EXPECT_THAT(changed(kHeader, 0), HasSubstr("record 1 (attempt 0, step 0)"));
  EXPECT_THAT(changed(kHeader + kRecord - 1, '\x7f'), HasSubstr("record of step 1"));  // nobody's
  std::string back = whole;
  back.replace(kHeader + 8, 2, "\xff\xff");  // went back in the first attempt
  put_file(file_, back);
  EXPECT_THAT(error(), HasSubstr("record 1"));
  for (std::size_t size = 0; size < kHeader; size += 5) {
    put_file(file_, whole.substr(0, size));
    EXPECT_THAT(error(), HasSubstr("no file of latencies"));
  }
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  EXPECT_THAT(error(), HasSubstr("not a regular file"));
}

TEST_F(LatencyFile, IsCutBackToWholeRecordsWhereTheDiskIsFull) {
  constexpr rlim_t kLimit = 96 + 14 + 7;  // a record and a half
  const int code = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {kLimit, kLimit};
    setrlimit(RLIMIT_FSIZE, &limit);
    LatencyJournal written = journal();
    const bool first = written.append(1, step_of({1, 1, 1}));
    const bool second = written.append(2, step_of({1, 1, 1}));
    const bool says_why = written.last_error().ends_with("latency.bin: File too large");
    return first && !second && says_why ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(std::filesystem::file_size(file_), 96U + 14);
  LatencyJournal resumed = journal();
  fill(resumed, 3, 3);
  EXPECT_THAT(steps(), ElementsAre(1, 3)) << "with space again it goes on";
}

}  // namespace
}  // namespace detox
