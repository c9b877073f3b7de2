// The results of an experiment for programs.
#include "experiment/result_files.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "experiment/experiment_directory.hpp"
#include "experiment/result_sample.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

std::vector<std::string> fields_of(const std::string& csv, std::size_t number) {
  std::size_t begin = 0;
  for (; number > 0; --number) begin = csv.find('\n', begin) + 1;
  std::string line = csv.substr(begin, csv.find('\n', begin) - begin) + ",";
  std::vector<std::string> fields;
  bool is_quoted = false;
  std::string field;
  for (const char c : line) {
    if (c == '"') is_quoted = !is_quoted;
    if (c != ',' || is_quoted) {
      field += c;
      continue;
    }
    fields.push_back(std::exchange(field, ""));
  }
  return fields;
}

std::string value_in(const std::string& csv, std::size_t row, const std::string& column) {
  const std::vector<std::string> head = fields_of(csv, 0);
  const auto place = std::ranges::find(head, column) - head.begin();
  return fields_of(csv, row).at(static_cast<std::size_t>(place));
}

Results two_modes() {
  Results results{"grid", "detoxml experiment grid.toml", {{"defence", {"a, b", "c"}}}, {}};
  results.rows = {finished_run({"a, b"}, 1, 81.25), finished_run({"a, b"}, 2, 100.0 / 3),
                  other_run({"c"}, 1, ResultState::kRefused, "needs \"n\" >= 4f + 3")};
  RunSummary& summary = results.rows[0].summary;
  summary.training.accuracy = 0.1;
  summary.slices = 300;
  summary.used = 250;
  summary.corrupted = 7;
  summary.costs.computed = 900;
  summary.costs.seconds.vote = 0.001;
  summary.convictions = {{4, 17}, {6, 20}};
  summary.suspects = {1, 8};
  summary.detection = Detection{.lies = 8,
                                .rightly = 6,
                                .wrongly = 2,
                                .liars_stay = true,
                                .liars = 2,
                                .named = 4,
                                .named_rightly = 2};
  return results;
}

TEST(ExperimentDirectory, RemovesWhatKilledProcessesLeftOfItsOwnFiles) {
  const TemporaryDirectory folder;
  { const ExperimentDirectory made(folder / "x", "x", "detoxml"); }
  const auto left = [&](const char* name) {
    return folder / "x" / fmt::format(".{}.4711.tmp", name);
  };
  for (const char* name :
       {"results.csv", "table.tex", "curves.csv", "heatmap.svg", "curves_loss.png", "notes.txt"})
    std::ofstream(left(name)) << "half";
  const ExperimentDirectory again(folder / "x", "x", "detoxml");
  for (const char* name :
       {"results.csv", "table.tex", "curves.csv", "heatmap.svg", "curves_loss.png"})
    EXPECT_FALSE(std::filesystem::exists(left(name))) << name;
  EXPECT_TRUE(std::filesystem::exists(left("notes.txt"))) << "somebody else's";
}

TEST(ResultsCsv, HasARowARunWithAllNumbersUnrounded) {
  const std::string csv = results_csv(two_modes());
  EXPECT_EQ(value_in(csv, 1, "defence"), "\"a, b\"");
  EXPECT_EQ(value_in(csv, 1, "seed"), "1");
  EXPECT_EQ(value_in(csv, 1, "state"), "finished");
  EXPECT_EQ(value_in(csv, 1, "test_prec1"), "81.25");
  EXPECT_EQ(std::stod(value_in(csv, 2, "test_prec1")), 100.0 / 3);
  EXPECT_EQ(value_in(csv, 1, "test_step"), "100");
  EXPECT_EQ(value_in(csv, 1, "accuracy"), "0.1");
  EXPECT_EQ(value_in(csv, 1, "corrupted"), "7");
  EXPECT_EQ(value_in(csv, 1, "answers_a_slice"), "3.6");
  EXPECT_EQ(value_in(csv, 1, "seconds_vote"), "0.001");
  EXPECT_EQ(value_in(csv, 1, "median_seconds_total"), "0.125");
  EXPECT_EQ(value_in(csv, 1, "convicted"), "5 7");
  EXPECT_EQ(value_in(csv, 1, "convicted_last_in"), "17 20");
  EXPECT_EQ(value_in(csv, 1, "suspects"), "2 9");
  EXPECT_EQ(value_in(csv, 1, "recall_of_lies"), "0.75");
  EXPECT_EQ(value_in(csv, 1, "precision_of_workers"), "0.5");
  EXPECT_EQ(value_in(csv, 1, "folder"), "runs/k1");
  EXPECT_EQ(value_in(csv, 2, "corrupted"), "") << "where no attack is simulated";
  EXPECT_EQ(value_in(csv, 3, "state"), "refused");
  EXPECT_EQ(value_in(csv, 3, "loss"), "");
  EXPECT_EQ(value_in(csv, 3, "steps"), "") << "there was no run";
  EXPECT_EQ(value_in(csv, 3, "message"), "\"needs \"\"n\"\" >= 4f + 3\"");
  for (std::size_t row = 0; row <= 3; ++row)
    EXPECT_EQ(fields_of(csv, row).size(), fields_of(csv, 0).size());
}

TEST(ResultsCsv, TellsAnAxisFromAColumnOfTheSameName) {
  Results results{"", "", {{"skipped", {"1"}}}, {finished_run({"1"}, 1, 50)}};
  const std::string csv = results_csv(results);
  EXPECT_TRUE(csv.starts_with("axis skipped,seed,")) << csv;
  EXPECT_EQ(value_in(csv, 1, "skipped"), "0");
}

TEST(ResultsJson, HoldsTheSame) {
  Results results = two_modes();
  results.rows[1].summary.final_test->loss = std::nan("");
  const auto json = nlohmann::json::parse(results_json(results));
  EXPECT_EQ(json["name"], "grid");
  EXPECT_EQ(json["command"], "detoxml experiment grid.toml");
  EXPECT_EQ(json["axes"][0]["values"][1], "c");
  ASSERT_EQ(json["runs"].size(), 3U);
  const auto& run = json["runs"][0];
  EXPECT_EQ(run["values"]["defence"], "a, b");
  EXPECT_EQ(run["test"]["final"]["prec1"], 81.25);
  EXPECT_EQ(run["slices"]["corrupted"], 7);
  EXPECT_EQ(run["convictions"][1]["worker"], 7);
  EXPECT_EQ(run["convictions"][1]["last_in"], 20);
  EXPECT_EQ(run["detection"]["precision_of_lies"], 0.75);
  EXPECT_EQ(json["runs"][1]["test"]["final"]["loss"], "nan");
  EXPECT_EQ(json["runs"][1]["detection"], nullptr);
  EXPECT_EQ(json["runs"][2]["message"], "needs \"n\" >= 4f + 3");
  EXPECT_FALSE(json["runs"][2].contains("test"));
}

TEST(WriteResults, LeavesFourFiles) {
  const TemporaryDirectory folder;
  write_results(folder.path(), two_modes());
  EXPECT_EQ(text_of(read_file(folder / "results.csv")), results_csv(two_modes()));
  EXPECT_EQ(text_of(read_file(folder / "results.json")), results_json(two_modes()));
  EXPECT_THAT(std::string(text_of(read_file(folder / "table.md"))), HasSubstr("| a, b |"));
  EXPECT_THAT(std::string(text_of(read_file(folder / "table.tex"))), HasSubstr("\\toprule"));
}

}  // namespace
}  // namespace detox
