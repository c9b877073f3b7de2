// What runs are judged by.
#include "experiment/outcome.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "config/refusal.hpp"
#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StepMetrics step(std::uint64_t number, std::optional<double> loss) {
  return {number, true, loss, 0.5, 0.25};
}

std::vector<StepMetrics> steps(const std::vector<std::optional<double>>& losses) {
  std::vector<StepMetrics> all;
  all.reserve(losses.size());
  for (const auto& loss : losses) all.push_back(step(all.size() + 1, loss));
  return all;
}

Outcome finished(double loss, double accuracy = 0.5) {
  Outcome outcome;
  outcome.state = TrialState::kFinished;
  outcome.summary.loss = loss;
  outcome.summary.accuracy = accuracy;
  return outcome;
}

Outcome ended(TrialState state) {
  Outcome outcome = finished(-1, 2);
  outcome.state = state;
  outcome.test_accuracy = 2;
  return outcome;
}

TEST(Summary, IsTheMeanOfTheLastLosses) {
  const Summary summary = summarise(steps({9, 8, 1, 2, 6}), 3);
  EXPECT_EQ(summary.loss, 3);
  EXPECT_EQ(summary.steps, 5U);
  EXPECT_EQ(summary.steps_counted, 3U);
  EXPECT_EQ(summary.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(summary.seconds, 1.25);
  // Deviation of 1, 2, 6 by hand: sqrt((4 + 1 + 9) / 2), over the root of 3.
  EXPECT_NEAR(summary.loss_error, std::sqrt(7.0 / 3), 1e-12);
}

TEST(Summary, TakesAllStepsWhereThereAreFewer) {
  EXPECT_EQ(summarise(steps({2, 4}), 20).loss, 3);
  EXPECT_EQ(summarise(steps({2}), 20).loss_error, 0);
  EXPECT_EQ(summarise({}, 20).loss, std::nullopt);
}

// No slice had a majority then, which says nothing about the configuration's loss.
TEST(Summary, PassesOverStepsWithoutAMajority) {
  std::vector<StepMetrics> all = steps({5, 2, std::nullopt, 4});
  all[2].resolved = false;
  const Summary summary = summarise(all, 2);
  EXPECT_EQ(summary.loss, 3);
  EXPECT_EQ(summary.steps, 4U);
  EXPECT_FALSE(summary.diverged);
}

TEST(Summary, CallsARunDivergedWhoseLossIsNotFiniteAtTheEnd) {
  EXPECT_TRUE(summarise(steps({2, 2, std::nullopt}), 2).diverged);
  EXPECT_EQ(summarise(steps({2, 2, std::nullopt}), 2).loss, std::nullopt);
  EXPECT_TRUE(summarise(steps({1e308, 1e308, 1.5e308}), 3).loss.has_value());
  EXPECT_TRUE(summarise(steps({std::numeric_limits<double>::max(), 1.7e308, 1.7e308}), 1).loss);
  EXPECT_FALSE(summarise(steps({2, std::nullopt, 2, 2}), 2).diverged) << "it came back";
}

TEST(Summary, CallsARunDivergedThatEndsFarAboveItsBeginning) {
  EXPECT_TRUE(summarise(steps({2.3, 5, 4.7}), 1).diverged);
  EXPECT_FALSE(summarise(steps({2.3, 5, 4.5}), 1).diverged);
  EXPECT_FALSE(summarise(steps({std::nullopt, 5, 4.5}), 1).diverged);
}

TEST(Summary, CountsATenthOfTheStepsWhereNobodySays) {
  EXPECT_EQ(default_last_steps(200), 20U);
  EXPECT_EQ(default_last_steps(12), 5U);
  EXPECT_EQ(default_last_steps(0), 5U);
}

TEST(Metric, HasThreeNamesAndAnswersOthersWithThem) {
  for (const Metric metric : {Metric::kLoss, Metric::kAccuracy, Metric::kTestAccuracy})
    EXPECT_EQ(metric_named(to_string(metric)), metric);
  EXPECT_EQ(metric_named("TestAccuracy"), Metric::kTestAccuracy);
  EXPECT_THAT(refusal([] { metric_named("test-acuracy"); }), HasSubstr("test-accuracy?"));
}

TEST(Ranking, PutsTheLeastLossFirst) {
  EXPECT_THAT(ranked({finished(3), finished(1), finished(2)}, Metric::kLoss), ElementsAre(1, 2, 0));
}

TEST(Ranking, PutsTheLargestAccuracyFirst) {
  EXPECT_THAT(ranked({finished(1, 0.2), finished(2, 0.9)}, Metric::kAccuracy), ElementsAre(1, 0));
  std::vector<Outcome> outcomes = {finished(1), finished(2), finished(3)};
  outcomes[1].test_accuracy = 0.3;
  outcomes[2].test_accuracy = 0.7;
  EXPECT_THAT(ranked(outcomes, Metric::kTestAccuracy), ElementsAre(2, 1, 0));
}

TEST(Ranking, KeepsTheOrderOfEquals) {
  EXPECT_THAT(ranked({finished(1), finished(1), finished(0), finished(1)}, Metric::kLoss),
              ElementsAre(2, 0, 1, 3));
}

TEST(Ranking, NeverChoosesWhatDidNotFinishWell) {
  for (const TrialState state : {TrialState::kWaiting, TrialState::kDiverged, TrialState::kFailed,
                                 TrialState::kInterrupted}) {
    for (const Metric metric : {Metric::kLoss, Metric::kAccuracy}) {
      EXPECT_EQ(score_of(ended(state), metric), std::nullopt);
      EXPECT_THAT(ranked({ended(state), finished(7, 0.1)}, metric), ElementsAre(1, 0));
    }
    EXPECT_EQ(score_of(ended(state), Metric::kTestAccuracy), std::nullopt);
  }
}

TEST(MetricsFile, IsReadLineByLine) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "m")
      << R"({"step":1,"loss":2.5,"accuracy":0.25,"resolved":3,"seconds":{"total":0.5}})"
      << "\n"
      << R"({"step":2,"loss":null,"accuracy":null,"resolved":0})"
      << "\n";
  const std::vector<StepMetrics> all = read_metrics(folder / "m");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].loss, 2.5);
  EXPECT_EQ(all[0].accuracy, 0.25);
  EXPECT_EQ(all[0].seconds, 0.5);
  EXPECT_TRUE(all[0].resolved);
  EXPECT_EQ(all[1].step, 2U);
  EXPECT_EQ(all[1].loss, std::nullopt);
  EXPECT_FALSE(all[1].resolved);
}

TEST(MetricsFile, IsOfTheStepsThatStandAndOfAllSeconds) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "m") << R"({"step":1,"loss":3,"resolved":3,"seconds":{"total":1}}
{"step":2,"loss":9,"resolved":3,"seconds":{"total":2}}
{"step":3,"loss":9,"resolved":3,"seconds":{"total":4}}
{"attempt":1,"back_from":3,"back_to":1,"convicted":"2:1:3:out","step":1}
{"attempt":1,"step":2,"loss":2,"resolved":3,"seconds":{"total":8}}
)";
  const std::vector<StepMetrics> all = read_metrics(folder / "m");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].loss, 2.0);
  EXPECT_EQ(summarise(all, 5).seconds, 15);
}

TEST(MetricsFile, IsRefusedWithTheLineThatIsNone) {
  const TemporaryDirectory folder;
  const std::string good = R"({"step":1,"loss":2.5,"resolved":3})";
  for (const std::string bad : {"nonsense", "[]", "{}", R"({"step":-1,"resolved":1})",
                                R"({"step":1})", "", "\xff\xfe", R"({"step":1,"resolved":"3"})"}) {
    std::ofstream(folder / "m") << good << "\n" << bad << "\n" << good << "\n";
    try {
      read_metrics(folder / "m");
      FAIL() << bad;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("m:2: is no line")) << bad;
    }
  }
}

}  // namespace
}  // namespace detox
