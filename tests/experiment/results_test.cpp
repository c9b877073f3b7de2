// A search's results as files and as a table.
#include "experiment/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace detox {
namespace {

using testing::HasSubstr;

struct Example {
  Search search;
  std::vector<Outcome> outcomes;
};

/// lr 0.1 diverged, 0.2 is second, 0.4 the best, 0.8 failed.
Example example() {
  Example result;
  result.search.sweeps = parse_sweeps({"lr=0.1,0.2,0.4,0.8", "pre=[nnm,arc]"});
  result.search.trials = trials_of({}, result.search.sweeps);
  result.search.last_steps = 20;
  result.outcomes.resize(4);
  for (std::size_t i = 0; i < 4; ++i) {
    Outcome& outcome = result.outcomes[i];
    outcome.folder = "somewhere/runs/" + result.search.trials[i].folder;
    outcome.state = TrialState::kFinished;
    outcome.summary.steps = 200;
    outcome.summary.steps_counted = 20;
    outcome.summary.loss = 1 - 0.25 * static_cast<double>(i);
    outcome.summary.loss_error = 0.01;
    outcome.summary.accuracy = 0.75;
    outcome.summary.seconds = 83;
  }
  result.outcomes[0].state = TrialState::kDiverged;
  result.outcomes[0].summary.loss.reset();
  result.outcomes[3].state = TrialState::kFailed;
  result.outcomes[3].message = "say \"no\", twice";
  return result;
}

TEST(Results, AreJsonWithTheBestRunFirst) {
  const Example e = example();
  const auto json = nlohmann::json::parse(results_json(e.search, e.outcomes));
  EXPECT_EQ(json["metric"], "loss");
  EXPECT_EQ(json["last_steps"], 20);
  EXPECT_EQ(json["swept"][0]["option"], "lr");
  EXPECT_EQ(json["swept"][1]["values"][0], "nnm,arc");
  ASSERT_EQ(json["runs"].size(), 4U);
  EXPECT_EQ(json["runs"][0]["rank"], 1);
  EXPECT_EQ(json["runs"][0]["values"]["lr"], "0.4");
  EXPECT_EQ(json["runs"][0]["loss"], 0.5);
  EXPECT_EQ(json["runs"][0]["run"], e.search.trials[2].folder);
  EXPECT_EQ(json["runs"][1]["rank"], 2);
  EXPECT_EQ(json["runs"][2]["state"], "diverged");
  EXPECT_EQ(json["runs"][2]["rank"], nullptr);
  EXPECT_EQ(json["runs"][2]["loss"], nullptr);
  EXPECT_EQ(json["runs"][3]["state"], "failed");
  EXPECT_EQ(json["runs"][3]["message"], "say \"no\", twice");
  EXPECT_FALSE(json["runs"][3].contains("loss"));
}

TEST(Results, DoNotTellHowLongItTookOrWhere) {
  Example e = example();
  const std::string json = results_json(e.search, e.outcomes);
  const std::string csv = results_csv(e.search, e.outcomes);
  for (Outcome& outcome : e.outcomes) {
    outcome.summary.seconds = 7;
    outcome.folder = "elsewhere" / outcome.folder.filename();
  }
  EXPECT_EQ(results_json(e.search, e.outcomes), json);
  EXPECT_EQ(results_csv(e.search, e.outcomes), csv);
}

TEST(Results, AreCsvThatQuotesWhatNeedsIt) {
  const Example e = example();
  const std::string csv = results_csv(e.search, e.outcomes);
  EXPECT_THAT(csv, testing::StartsWith(
                       "rank,lr,pre,state,steps,loss,loss_error,accuracy,test_loss,test_accuracy,"
                       "run,message\n1,0.4,\"nnm,arc\",finished,200,0.5,0.01,0.75,,,\"lr=0.4,"));
  EXPECT_THAT(csv, HasSubstr("\n,0.8,\"nnm,arc\",failed,,"));
  EXPECT_THAT(csv, HasSubstr(",\"say \"\"no\"\", twice\"\n"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
}

TEST(Results, AreATableThatMarksTheBestAndSaysWhatFailed) {
  const Example e = example();
  const std::string table = results_table(e.search, e.outcomes);
  EXPECT_THAT(table, HasSubstr("\n*  0.4  nnm,arc  0.5000 ±0.0100  75.00%    200    1:23\n"));
  EXPECT_THAT(table, HasSubstr("\n   0.2  nnm,arc  0.7500 ±0.0100"));
  EXPECT_THAT(table, HasSubstr("   0.1  nnm,arc  diverged"));
  EXPECT_THAT(table, HasSubstr("   0.8  nnm,arc  failed\n"));
  EXPECT_THAT(table, HasSubstr("lr=0.8 pre=nnm,arc failed: say \"no\", twice\n"));
}

TEST(Results, MarkNothingWhereNothingCanBeChosen) {
  Example e = example();
  for (Outcome& outcome : e.outcomes) outcome.state = TrialState::kDiverged;
  EXPECT_EQ(results_table(e.search, e.outcomes).find('*'), std::string::npos);
  const auto json = nlohmann::json::parse(results_json(e.search, e.outcomes));
  for (const auto& run : json["runs"]) EXPECT_EQ(run["rank"], nullptr);
}

TEST(Advice, IsGivenWhereTheBestLiesAtAnEnd) {
  Search search;
  search.sweeps = parse_sweeps({"mode=krum,normal,bulyan", "lr=0.4,0.1,0.2"});
  search.trials = trials_of({}, search.sweeps);
  EXPECT_THAT(advice(search, search.trials[0]), HasSubstr("the best lr is the largest"));
  EXPECT_THAT(advice(search, search.trials[1]), HasSubstr("the best lr is the least"));
  EXPECT_EQ(advice(search, search.trials[2]), "");
}

TEST(Advice, IsNotGivenWhereTwoValuesWereTried) {
  Search search;
  search.sweeps = parse_sweeps({"momentum=0,0.9"});
  search.trials = trials_of({}, search.sweeps);
  EXPECT_EQ(advice(search, search.trials[0]), "");
}

}  // namespace
}  // namespace detox
