// What runs are judged by.
#include "experiment/outcome.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

}  // namespace
}  // namespace detox
