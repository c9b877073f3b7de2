// What a page says of a run, of runs made by hand.
#include "report/run_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "detox/errors.hpp"
#include "report/hand_made_run.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

TEST(RunData, HasAPointForEachStepOfAShortRun) {
  const TemporaryDirectory folder;
  make_run(folder.path(), 6);
  const Json run = run_data(folder.path(), "here");
  EXPECT_EQ(run["name"], "here");
  EXPECT_EQ(run["status"], "finished");
  EXPECT_EQ(run["curves"]["step"], Json({1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(run["curves"]["loss"], Json({1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(run["curves"]["at"], Json({1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(run["tests"]["step"], Json({4}));
  EXPECT_EQ(run["tests"]["at"], Json({4})) << "seconds of the steps up to it";
  EXPECT_EQ(run["tests"]["accuracy"], Json({0.75}));
  EXPECT_EQ(run["suspects"], Json({2}));
  EXPECT_THAT(run["verdict"].get<std::string>(), HasSubstr("suspect worker 2: outvoted in 6 of 6"));
  EXPECT_EQ(run["map"]["rows"][0]["worker"], 2) << "the suspect first";
  EXPECT_EQ(run["map"]["rows"][0]["accused"], Json({1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(run["map"]["rows"].size(), 9U);
  EXPECT_EQ(run["truth"]["rightly"], 6);
  EXPECT_EQ(run["truth"]["named"]["rightly"], 1);
  EXPECT_EQ(run["truth"]["liars"], Json({2}));
}

TEST(RunData, GathersTheStepsOfALongRun) {
  const TemporaryDirectory folder;
  make_run(folder.path(), 10);
  ReportDetail detail;
  detail.curve_points = detail.phase_points = detail.map_columns = 4;
  const Json run = run_data(folder.path(), "here", detail);
  EXPECT_EQ(run["curves"]["step"], Json({3, 6, 9, 10}));
  EXPECT_EQ(run["curves"]["loss"], Json({2, 5, 8, 10})) << "means";
  EXPECT_EQ(run["map"]["rows"][0]["accused"], Json({3, 3, 3, 1})) << "sums";
  EXPECT_EQ(run["map"]["width"], 3);
}

TEST(RunData, TellsPhasesAndWhatIsLeftOfAStep) {
  const TemporaryDirectory folder;
  make_run(folder.path(), 4);
  const Json phases = run_data(folder.path(), "here")["phases"];
  const Json& names = phases["names"];
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(phases["totals"][i], names[i] == "vote"    ? Json(1)
                                   : names[i] == "other" ? Json(3)
                                                         : Json(0))
        << names[i];
  }
}

TEST(RunData, LeavesOutOfTheMapWhomThereIsLeastToSayAbout) {
  const TemporaryDirectory folder;
  make_run(folder.path(), 10);
  ReportDetail detail;
  detail.map_cells = 30;
  detail.map_columns = 10;
  const Json map = run_data(folder.path(), "here", detail)["map"];
  EXPECT_EQ(map["rows"].size(), 3U);
  EXPECT_EQ(map["left_out"], 6);
  EXPECT_EQ(map["rows"][0]["worker"], 2);
}

TEST(RunData, QuotesWhatAShellWouldTakeApart) {
  const TemporaryDirectory folder;
  const std::filesystem::path run = folder / "a run; rm -rf 'x'";
  make_run(run, 2);
  const std::string commands = run_data(run, "here")["commands"].dump();
  EXPECT_THAT(commands, HasSubstr(R"(/a run; rm -rf '\\''x'\\''/config.toml')"));
}

TEST(RunData, HoldsNothingThatTheRunDidNotSay) {
  const TemporaryDirectory folder;
  make_run(folder.path(), 3);
  std::filesystem::remove(folder / "attackers.jsonl");
  std::filesystem::remove(folder / "evaluation.jsonl");
  const Json run = run_data(folder.path(), "here");
  EXPECT_TRUE(run["truth"].is_null());
  EXPECT_TRUE(run["test_accuracy"].is_null());
  EXPECT_FALSE(run["workers"][0].contains("lied"));
  EXPECT_FALSE(run["workers"][0].contains("answers")) << "there is no rounds.jsonl";
}

TEST(RunData, IsThereBeforeTheFirstStep) {
  const TemporaryDirectory folder;
  make_run(folder.path(), 0);
  const Json run = run_data(folder.path(), "here");
  EXPECT_EQ(run["step"], 0);
  EXPECT_EQ(run["curves"]["step"], Json::array());
  EXPECT_EQ(run["verdict"], "no step was taken");
}

TEST(RunData, RefusesAFolderWithoutARun) {
  const TemporaryDirectory folder;
  EXPECT_THROW(run_data(folder.path(), "run"), InputError);
}

TEST(ReportData, HasTheCurvesAloneOfRunsThatWouldMakeThePageLarge) {
  const TemporaryDirectory folder;
  make_run(folder / "a", 5);
  make_run(folder / "b", 5);
  const std::vector<std::string> both = {(folder / "a").string(), (folder / "b").string()};
  const Json whole = report_data(both);
  EXPECT_FALSE(whole["runs"][1].contains("is_short"));
  const Json small = report_data(both, whole["runs"][0].dump().size());
  EXPECT_TRUE(small["runs"][0].contains("map"));
  EXPECT_TRUE(small["runs"][1]["is_short"]);
  EXPECT_FALSE(small["runs"][1].contains("map"));
  EXPECT_EQ(small["runs"][1]["curves"], whole["runs"][1]["curves"]);
  EXPECT_FALSE(report_data({both[0]}, 1)["runs"][0].contains("is_short")) << "one run is whole";
}

TEST(ReportData, NamesEachRunOnce) {
  const TemporaryDirectory folder;
  make_run(folder.path(), 2);
  EXPECT_EQ(report_data({folder.path().string()})["runs"].size(), 1U);
  EXPECT_THROW(report_data({folder.path().string(), folder.path().string()}), UsageError);
  EXPECT_THROW(report_data({folder.path().string(), (folder / "." / "").string()}), UsageError);
}

TEST(ReportData, CallsRunsByWhatTheirPathsHaveNotInCommon) {
  const TemporaryDirectory folder;
  for (const char* run : {"grid/a", "grid/b", "other/a"}) make_run(folder / run, 2);
  const auto path = [&](const char* run) { return (folder / run).string(); };
  const auto names = [&](const std::vector<std::string>& folders) {
    std::vector<std::string> each;
    const Json data = report_data(folders);
    for (const Json& run : data["runs"]) each.push_back(run["name"]);
    return each;
  };
  using testing::ElementsAre;
  EXPECT_THAT(names({path("grid/a")}), ElementsAre("a"));
  EXPECT_THAT(names({path("grid/a/")}), ElementsAre("a"));
  EXPECT_THAT(names({path("grid/a"), path("grid/../grid/b/")}), ElementsAre("a", "b"));
  EXPECT_THAT(names({path("grid/a"), path("other/a")}), ElementsAre("grid/a", "other/a"));
  make_run(folder / "grid", 2);
  EXPECT_THAT(names({path("grid"), path("grid/a")}), ElementsAre("grid", "grid/a"));
  EXPECT_EQ(report_data({path("grid/a")})["title"], "a");
  const Json run = report_data({path("grid/a/")})["runs"][0];
  EXPECT_EQ(run["place"], path("grid/a/"));
  EXPECT_THAT(run["commands"][0][1].get<std::string>(), HasSubstr(path("grid/a/config.toml")));
}

}  // namespace
}  // namespace detox
