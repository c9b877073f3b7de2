// Curves and figures of an experiment.
#include "experiment/figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "base/file.hpp"
#include "experiment/curves.hpp"
#include "experiment/result_files.hpp"
#include "experiment/result_sample.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_in(const std::filesystem::path& file) {
  return std::string(text_of(read_file(file)));
}

/// Steps with losses, and scores after the 200th and 400th.
void write_run(const std::filesystem::path& folder, double loss, double prec1) {
  std::filesystem::create_directories(folder);
  std::ofstream metrics(folder / "metrics.jsonl");
  for (int step = 1; step <= 400; ++step)
    metrics << "{\"step\":" << step << ",\"resolved\":3,\"loss\":" << loss << "}\n";
  std::ofstream(folder / "evaluation.jsonl")
      << "{\"step\":200,\"loss\":1,\"prec1\":" << prec1 / 2 << ",\"prec5\":90}\n"
      << "{\"step\":400,\"loss\":1,\"prec1\":" << prec1 << ",\"prec5\":90}\n";
}

/// Two defences under two attacks, two seeds; one defence's name is hostile.
Results with_runs(const std::filesystem::path& dir) {
  const std::vector<std::string> defences = {"median", "<script>alert(1)</script> $x^$ \n,\""},
                                 attacks = {"none", "ipm"};
  Results results{"grid", "", {{"defence", defences}, {"attack", attacks}}, {}};
  for (const std::string& defence : defences) {
    for (const std::string& attack : attacks) {
      for (const std::uint64_t seed : {1, 2}) {
        ResultRow row = finished_run({defence, attack}, seed, 70 + static_cast<double>(seed));
        row.folder = "runs/" + std::to_string(results.rows.size());
        write_run(dir / row.folder, static_cast<double>(seed), row.summary.final_test->prec1);
        results.rows.push_back(row);
      }
    }
  }
  return results;
}

TEST(Curves, AreMeansAndDeviationsOverSeeds) {
  const TemporaryDirectory folder;
  const std::string csv = curves_csv(with_runs(folder.path()), folder.path());
  EXPECT_THAT(csv, HasSubstr("defence,attack,state,quantity,step,mean,deviation,seeds\n"));
  // Deviation of 71 and 72 by hand: 1 / sqrt(2).
  EXPECT_THAT(csv, HasSubstr("median,none,finished,test_prec1,400,71.5,0.7071067811865476,2\n"));
  EXPECT_THAT(csv, HasSubstr("median,none,finished,test_prec1,200,35.75,0.3535533905932738,2\n"));
  // 400 steps are 200 parts of two.
  EXPECT_THAT(csv, HasSubstr("median,none,finished,loss,1.5,1.5,0.7071067811865476,2\n"));
  EXPECT_THAT(csv, HasSubstr("median,none,finished,loss,399.5,1.5,0.7071067811865476,2\n"));
  EXPECT_THAT(csv, Not(HasSubstr("median,none,finished,loss,400")));
}

TEST(Curves, LeaveOutWhatOnlyAnInterruptedRunHas) {
  const TemporaryDirectory folder;
  const Results results = with_runs(folder.path());
  std::ofstream(folder / "runs" / "0" / "evaluation.jsonl", std::ios::app)
      << "{\"step\":66,\"loss\":1,\"prec1\":20,\"prec5\":90}\n";
  EXPECT_THAT(curves_csv(results, folder.path()), Not(HasSubstr("test_prec1,66,")));
}

TEST(Curves, HaveOneColumnOfAName) {
  const TemporaryDirectory folder;
  Results results = with_runs(folder.path());
  results.axes[1].name = "state";
  EXPECT_THAT(curves_csv(results, folder.path()),
              testing::StartsWith("defence,axis state,state,quantity,"));
}

TEST(Curves, AreOfRunsThatDivergedOnlyWhereNoneFinished) {
  const TemporaryDirectory folder;
  Results results = with_runs(folder.path());
  for (const std::size_t row : {0, 2, 3}) results.rows[row].state = ResultState::kDiverged;
  std::ofstream(folder / "runs" / "3" / "metrics.jsonl") << "damaged\n";
  const std::string csv = curves_csv(results, folder.path());
  EXPECT_THAT(csv, HasSubstr("median,none,finished,test_prec1,400,72,,1\n"));
  EXPECT_THAT(csv, HasSubstr("median,ipm,diverged,test_prec1,400,71,,1\n"));
}

TEST(Figures, AreDrawnTwiceToTheSameBytesAndHideNothingHostile) {
  if (std::system("/usr/bin/python3 -c 'import matplotlib' 2> /dev/null") != 0)
    GTEST_SKIP() << "there is no python3-matplotlib";
  const TemporaryDirectory folder;
  const Results results = with_runs(folder.path());
  write_results(folder.path(), results);
  ASSERT_EQ(draw_figures(folder.path(), results), "");
  const std::string heatmap = text_in(folder / "heatmap.svg"),
                    curves = text_in(folder / "curves_accuracy.svg");
  for (const char* name : {"heatmap.png", "curves_accuracy.png", "curves_loss.png"})
    EXPECT_GT(std::filesystem::file_size(folder / name), 5000U) << name;
  EXPECT_FALSE(std::filesystem::exists(folder / "points.svg"));
  EXPECT_THAT(heatmap, Not(HasSubstr("<script>")));
  ASSERT_EQ(draw_figures(folder.path(), results), "");
  EXPECT_EQ(text_in(folder / "heatmap.svg"), heatmap);
  EXPECT_EQ(text_in(folder / "curves_accuracy.svg"), curves);
}

TEST(Figures, HaveNoCurveOfASingleStep) {
  if (std::system("/usr/bin/python3 -c 'import matplotlib' 2> /dev/null") != 0)
    GTEST_SKIP() << "there is no python3-matplotlib";
  const TemporaryDirectory folder;
  const Results results = with_runs(folder.path());
  write_results(folder.path(), results);
  ASSERT_EQ(draw_figures(folder.path(), results), "");
  ASSERT_TRUE(std::filesystem::exists(folder / "curves_accuracy.svg"));
  for (const ResultRow& row : results.rows)
    std::ofstream(folder.path() / row.folder / "evaluation.jsonl")
        << "{\"step\":400,\"loss\":1,\"prec1\":20,\"prec5\":90}\n";
  ASSERT_EQ(draw_figures(folder.path(), results), "");
  EXPECT_FALSE(std::filesystem::exists(folder / "curves_accuracy.svg"));
  EXPECT_TRUE(std::filesystem::exists(folder / "curves_loss.svg"));
}

TEST(Figures, SayInALineWhyThereAreNone) {
  const TemporaryDirectory folder;
  const std::string why = draw_figures(folder.path(), {});
  EXPECT_THAT(why, Not(HasSubstr("\n")));
  EXPECT_NE(why, "") << "there is no results.json";
}

}  // namespace
}  // namespace detox
