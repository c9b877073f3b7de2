#include "engine/presence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace detox {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// Steps of a second each in which all but some answer.
class Steps {
 public:
  explicit Steps(std::size_t workers = 9, std::size_t q = 1)
      : workers_(workers), presence(workers, workers / 3, q) {}

  std::vector<std::string> take(std::uint64_t count, const std::vector<std::uint32_t>& silent,
                                bool are_late = false) {
    std::vector<std::string> lines;
    for (std::uint64_t i = 0; i < count; ++i) {
      ++step_;
      for (std::uint32_t worker = 0; worker < workers_; ++worker) {
        const bool is_silent = std::ranges::find(silent, worker) != silent.end();
        presence.expect(worker, step_, now_);
        if (!is_silent) presence.heard(worker, step_);
        if (is_silent && are_late && step_ > 1) presence.heard(worker, step_ - 1);
      }
      now_ += step_time;
      for (std::string& line : presence.news(now_)) lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  std::size_t workers_;
  std::uint64_t step_ = 0;
  Presence::Time now_{};

 public:
  milliseconds step_time{1000};
  Presence presence;
};

TEST(Presence, SaysThatOthersComputeWhatIsGivenToThem) {
  Presence presence(5, 3, 1, true);
  presence.expect(4, 1, Presence::Time());
  EXPECT_THAT(
      presence.ended(4, "out of memory"),
      testing::EndsWith("the run goes on without it: out of memory; others compute its pieces"));
}

TEST(Presence, NamesWhoFallsSilentOnceAndWhatIsLeft) {
  Steps steps;
  EXPECT_THAT(steps.take(10, {}), IsEmpty());
  EXPECT_THAT(
      steps.take(20, {3}),
      ElementsAre("worker 4 is silent since step 11, dead, stopped or cut off; each of "
                  "its pieces has 2 of 3 workers left; the run bears 0 more that fail or lie "
                  "(q=1)"));
  EXPECT_EQ(steps.presence.summary(), "missing: worker 4 silent since step 11 (20 of 30 answers)");
}

TEST(Presence, SaysWhoIsThereAgainAndHowMuchIsMissing) {
  Steps steps;
  steps.take(10, {3});
  EXPECT_THAT(steps.take(5, {}),
              ElementsAre("worker 4 is there again in step 11, 10 of 11 answers are missing"));
  EXPECT_EQ(steps.presence.summary(), "missing: worker 4 (10 of 15 answers)");
}

TEST(Presence, SaysNothingOfShortSilenceHoweverFastTheSteps) {
  Steps steps;
  steps.step_time = milliseconds(1);
  EXPECT_THAT(steps.take(1000, {3}), IsEmpty());
  steps.step_time = milliseconds(60'000);  // an honest worker may take two of these
  steps.take(1, {});
  EXPECT_THAT(steps.take(2, {3}), IsEmpty());
  EXPECT_EQ(steps.presence.summary(), "");
}

TEST(Presence, NamesAtOnceWhoMissesADeadline) {
  Steps steps;
  steps.step_time = milliseconds(1);
  steps.take(1, {});
  steps.presence.expect(3, 2, {});
  steps.presence.missed(3);
  EXPECT_THAT(steps.presence.news({}), ElementsAre(StartsWith("worker 4 is silent since step 2")));
}

TEST(Presence, TellsTheLateFromTheSilent) {
  Steps steps;
  EXPECT_THAT(steps.take(30, {3}, true),
              ElementsAre(StartsWith("worker 4 is late: no answer in time since step 1; ")));
  EXPECT_THAT(steps.presence.summary(), StartsWith("missing: worker 4 late since step 1 (1 of 30"));
  EXPECT_THAT(steps.take(3, {}), ElementsAre(HasSubstr("there again")));
}

TEST(Presence, PutsThoseThatGoTogetherInOneLine) {
  Steps steps(9, 2);
  EXPECT_THAT(steps.take(10, {1, 4, 7}),
              ElementsAre(AllOf(StartsWith("workers 2, 5 and 8 are silent since step 1"),
                                HasSubstr("cut off; 3 are out, and the run was built for q=2"))));
  Steps others(9, 2);
  EXPECT_THAT(others.take(10, {1, 4}),
              ElementsAre(HasSubstr("cut off; 2 are out; the run bears 0 more that fail or lie")));
  Steps of_none(9, 0);
  EXPECT_THAT(
      of_none.take(10, {1}),
      ElementsAre(HasSubstr("2 of 3 workers left; 1 is out, and the run was built for q=0")));
}

TEST(Presence, SaysItAFewTimesOfAWorkerThatComesAndGoes) {
  Steps steps;
  std::vector<std::string> lines;
  for (int time = 0; time < 50; ++time) {
    for (std::string& line : steps.take(10, {3})) lines.push_back(std::move(line));
    for (std::string& line : steps.take(2, {})) lines.push_back(std::move(line));
  }
  ASSERT_EQ(lines.size(), 5);
  EXPECT_THAT(lines.back(), HasSubstr("no more is said of it"));
  EXPECT_EQ(steps.presence.summary(), "missing: worker 4 (500 of 600 answers)");
}

TEST(Presence, NamesWhoHasSaidThatItEnds) {
  Steps steps;
  steps.take(10, {});
  EXPECT_THAT(steps.presence.ended(3, "no space"),
              StartsWith("worker 4 has ended, the run goes on without it: no space; each of its"));
  EXPECT_THAT(steps.take(20, {3}), IsEmpty());
  EXPECT_EQ(steps.presence.summary(), "missing: worker 4 ended in step 10 (20 of 30 answers)");
}

TEST(Presence, IsNotMisledByAnswersToNoStep) {
  Steps steps;
  steps.take(3, {3});
  for (int i = 0; i < 10; ++i) steps.presence.heard(3, 1000);
  for (int i = 0; i < 10; ++i) steps.presence.heard(3, 2);
  steps.take(9, {3});
  EXPECT_THAT(steps.presence.summary(), HasSubstr("(11 of 12 answers)"));
}

}  // namespace
}  // namespace detox
