// What a page says of an experiment, from a results.json made by hand.
#include "report/experiment_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "detox/errors.hpp"
#include "report/hand_made_run.hpp"
#include "report/run_data.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

Json entry(const std::string& defence, std::uint64_t seed, const std::string& folder) {
  return {{"values", {{"defence", defence}}},
          {"seed", seed},
          {"state", "finished"},
          {"key", "0123"},
          {"folder", folder},
          {"test", {{"final", {{"prec1", 80.5}}}}},
          {"training", {{"loss", "nan"}}}};
}

Json results(const Json& runs) {
  return {{"format", 1},
          {"name", "grid"},
          {"command", "detoxml experiment grid.toml"},
          {"axes", {{{"name", "defence"}, {"values", {"mean", "median"}}}}},
          {"compared", "defence"},
          {"runs", runs}};
}

TEST(ExperimentData, HasEachCombinationAndItsRun) {
  const TemporaryDirectory folder;
  make_run(folder / "runs/a", 3);
  make_run(folder / "runs/b", 4);
  write_text(folder / "results.json",
             results({entry("mean", 1, "runs/a"), entry("median", 1, "runs/b")}).dump());
  EXPECT_TRUE(holds_experiment(folder.path()));
  EXPECT_FALSE(holds_experiment(folder / "runs/a"));
  const Json data = report_data({folder.path().string()});
  EXPECT_EQ(data["title"], "grid");
  const Json& rows = data["experiment"]["rows"];
  EXPECT_EQ(rows[1]["values"], Json({"median"}));
  EXPECT_EQ(rows[1]["run"], "median, seed 1");
  EXPECT_EQ(rows[1]["test_accuracy"], 0.805);
  EXPECT_TRUE(rows[1]["loss"].is_null()) << "no number";
  EXPECT_EQ(data["runs"][1]["name"], "median, seed 1");
  EXPECT_EQ(data["runs"][1]["step"], 4);
  EXPECT_THAT(data["runs"][1]["commands"].dump(),
              HasSubstr((folder / "runs/b").string() + ".replay"));
}

TEST(ExperimentData, ShowsARunOnceThatTwoCombinationsShare) {
  const TemporaryDirectory folder;
  make_run(folder / "runs/a", 3);
  write_text(folder / "results.json",
             results({entry("mean", 1, "runs/a"), entry("median", 1, "runs/a")}).dump());
  const Json data = experiment_data(folder.path(), "here");
  EXPECT_EQ(data["runs"].size(), 1U);
  EXPECT_EQ(data["experiment"]["rows"][1]["run"], "mean, seed 1");
}

TEST(ExperimentData, LooksForRunsNowhereElse) {
  const TemporaryDirectory folder;
  make_run(folder / "outside", 3);
  make_run(folder / "grid/inside", 3);
  write_text(
      folder / "grid/results.json",
      results({entry("mean", 1, "../outside"), entry("mean", 2, (folder / "outside").string()),
               entry("mean", 3, "inside/../../outside"), entry("mean", 4, ""),
               entry("mean", 5, "waits"), entry("mean", 6, "inside")})
          .dump());
  const Json data = experiment_data(folder / "grid", "here");
  ASSERT_EQ(data["runs"].size(), 1U);
  EXPECT_EQ(data["runs"][0]["name"], "mean, seed 6");
  EXPECT_EQ(data["experiment"]["rows"].size(), 6U);
}

TEST(ExperimentData, KeepsThePageSmallWhereThereAreVeryManyRuns) {
  const TemporaryDirectory folder;
  Json runs = Json::array();
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const std::string name = "runs/" + std::to_string(seed);
    make_run(folder / name, 100);
    runs.push_back(entry("mean", seed, name));
  }
  write_text(folder / "results.json", results(runs).dump());
  const Json data = experiment_data(folder.path(), "here");
  EXPECT_EQ(data["runs"].size(), 300U);
  EXPECT_FALSE(data["runs"].front().contains("is_short"));
  EXPECT_TRUE(data["runs"].back()["is_short"]);
  EXPECT_EQ(data["runs"].back()["curves"]["loss"].size(), 50U);
  EXPECT_LT(data.dump().size(), 2'500'000U);
}

TEST(ExperimentData, HoldsItsFiguresAsPictures) {
  const TemporaryDirectory folder;
  write_text(folder / "results.json", results(Json::array()).dump());
  write_text(folder / "heatmap.svg", "<svg/>");
  write_text(folder / "curves_loss.svg", std::string(600'000, ' '));
  write_text(folder / "curves_loss.png", "small");
  const Json figures = experiment_data(folder.path(), "here")["experiment"]["figures"];
  ASSERT_EQ(figures.size(), 2U);
  EXPECT_EQ(figures[0]["source"], "data:image/svg+xml;base64,PHN2Zy8+");
  EXPECT_EQ(figures[1]["source"], "data:image/png;base64,c21hbGw=");
}

TEST(ExperimentData, RefusesWhatIsNoResults) {
  Json wrong_value = results(Json::array({entry("mean", 1, "a")}));
  wrong_value["runs"][0]["values"]["defence"] = 7;
  Json no_runs = results(Json::array());
  no_runs.erase("runs");
  for (const std::string& text :
       {std::string("no JSON"), std::string("[]"), std::string("{}"), wrong_value.dump(),
        no_runs.dump(), results(Json::array({7})).dump()}) {
    const TemporaryDirectory folder;
    write_text(folder / "results.json", text);
    try {
      experiment_data(folder.path(), "here");
      ADD_FAILURE() << text;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("results.json: is no results of an experiment"));
    }
  }
}

TEST(ReportData, IsAboutOneExperimentOrAboutRuns) {
  const TemporaryDirectory folder;
  make_run(folder / "run", 2);
  std::filesystem::create_directories(folder / "grid");
  write_text(folder / "grid/results.json", results(Json::array()).dump());
  EXPECT_THROW(report_data({(folder / "run").string(), (folder / "grid").string()}), UsageError);
}

}  // namespace
}  // namespace detox
