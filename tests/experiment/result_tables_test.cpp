// The results of an experiment for people.
#include "experiment/result_tables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment/result_cells.hpp"
#include "experiment/result_sample.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Three defences × two attacks × three seeds. Under "none" a and b do not differ, under "ipm" b is
/// the best, and c diverges once.
Results two_attacks() {
  Results results{
      "grid", "detoxml compare", {{"err-mode", {"none", "ipm"}}, {"mode", {"a", "b", "c"}}}, {}};
  const auto add = [&](const char* attack, const char* rule, std::vector<double> values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      results.rows.push_back(finished_run({attack, rule}, i + 1, values[i]));
  };
  add("none", "a", {90.0, 90.5, 91.0});
  add("none", "b", {90.2, 90.4, 90.9});
  add("none", "c", {80.0, 80.1, 80.2});
  add("ipm", "a", {50, 51, 52});
  add("ipm", "b", {70, 71, 72});
  add("ipm", "c", {60, 61});
  results.rows.push_back(other_run({"ipm", "c"}, 3, ResultState::kDiverged, "not finite"));
  return results;
}

TEST(ResultCells, AreReplicatesInTheOrderOfTheAxes) {
  const Results results = two_attacks();
  const std::vector<ResultCell> cells = cells_of(results);
  ASSERT_EQ(cells.size(), 6U);
  EXPECT_THAT(cells[5].values, ElementsAre(1, 2));
  EXPECT_EQ(cells[5].count(ResultState::kDiverged), 1U);
  EXPECT_FALSE(cells[5].is_whole());
  EXPECT_EQ(spread_in(cells[5], headline_of(results)).mean, 60.5);
}

TEST(ResultCells, CompareWhatIsNotTheAttack) {
  EXPECT_EQ(compared_axis(two_attacks()), 1U);
  EXPECT_EQ(compared_axis({"", "", {{"Attack", {}}, {"defence", {}}}, {}}), 1U);
  EXPECT_EQ(compared_axis({"", "", {{"worker-fail", {}}, {"adversarial", {}}}, {}}), 0U);
}

// By SciPy: under "none" p = 1, 3e-4 (c); under "ipm" p(a, b) = 2e-5, and c has not finished.
TEST(ResultCells, AreTheBestWhereWelchsTestDoesNotTellThemApart) {
  const Results results = two_attacks();
  EXPECT_THAT(best_cells(results, cells_of(results), headline_of(results)),
              ElementsAre(true, true, false, false, true, false));
}

TEST(ResultCells, AreNotTheBestWithOneSeedOrAlone) {
  Results results = two_attacks();
  std::erase_if(results.rows, [](const ResultRow& row) { return row.seed > 1; });
  EXPECT_THAT(best_cells(results, cells_of(results), headline_of(results)), testing::Each(false));
  results = two_attacks();
  std::erase_if(results.rows, [](const ResultRow& row) { return row.values[1] != "b"; });
  EXPECT_THAT(best_cells(results, cells_of(results), headline_of(results)), testing::Each(false));
}

TEST(ResultCells, AreNotTheBestWhereNothingIsToldFromThem) {
  Results results = two_attacks();
  std::erase_if(results.rows, [](const ResultRow& row) { return row.values[1] == "c"; });
  EXPECT_THAT(best_cells(results, cells_of(results), headline_of(results)),
              ElementsAre(false, false, false, true));
}

TEST(ResultCells, AreComparedByLossWhereNothingWasScored) {
  Results results = two_attacks();
  for (ResultRow& row : results.rows) {
    row.summary.final_test.reset();
    row.summary.best_test.reset();
    row.summary.training.loss = row.values[1] == "a" ? 1 : 2 + 0.01 * static_cast<double>(row.seed);
  }
  EXPECT_EQ(headline_of(results).name, "training loss");
  EXPECT_THAT(best_cells(results, cells_of(results), headline_of(results)),
              ElementsAre(true, false, false, true, false, false));
}

TEST(MarkdownTable, CrossesDefencesAndAttacks) {
  const std::string table = table_markdown(two_attacks());
  EXPECT_THAT(table, HasSubstr("| mode | none | ipm | worst |\n| --- | ---: | ---: | ---: |\n"));
  EXPECT_THAT(table, HasSubstr("| a | **90.50 ± 0.50** | 51.00 ± 1.00 | 51.00 (ipm) |\n"));
  EXPECT_THAT(table, HasSubstr("| b | **90.50 ± 0.36** | **71.00 ± 1.00** | 71.00 (ipm) |\n"));
  EXPECT_THAT(
      table,
      HasSubstr("| c | 80.10 ± 0.10 | 60.50 ± 0.71 (2 of 3; 1 diverged) | diverged (ipm) |\n"));
  EXPECT_THAT(table, HasSubstr("mean ± sample standard deviation over 3 seeds"));
  EXPECT_THAT(table, HasSubstr("Welch's t-test at 5 %"));
  EXPECT_THAT(table, HasSubstr("\n    detoxml compare\n"));
  EXPECT_THAT(table, Not(HasSubstr("not finite"))) << "diverged says enough";
  EXPECT_THAT(table, HasSubstr("| err-mode | mode | test accuracy, % |"));
}

TEST(MarkdownTable, IsOfEachCombinationOfFurtherAxes) {
  Results results = two_attacks();
  results.axes.insert(results.axes.begin() + 1, {"workers", {"9", "15"}});
  for (ResultRow& row : results.rows)
    row.values.insert(row.values.begin() + 1, row.seed == 3 ? "15" : "9");
  const std::string table = table_markdown(results);
  // Workers are the first that is no attack: they are compared.
  EXPECT_THAT(table, HasSubstr("## err-mode none\n\n| workers | a | b | c | worst |"));
  EXPECT_THAT(table, HasSubstr("## err-mode ipm\n\n| workers | a | b | c | worst |"));
}

TEST(MarkdownTable, SaysInWordsWhatHasNoNumber) {
  Results results = two_attacks();
  for (ResultRow& row : results.rows) {
    if (row.values[1] == "a")
      row = other_run(row.values, row.seed, ResultState::kRefused, "needs n >= 4f + 3");
    if (row.values[1] == "b" && row.seed > 1)
      row = other_run(row.values, row.seed,
                      row.seed == 2 ? ResultState::kFailed : ResultState::kWaiting, "");
  }
  std::erase_if(results.rows, [](const ResultRow& row) {
    return row.values[0] == "none" && row.values[1] == "c";
  });
  const std::string table = table_markdown(results);
  EXPECT_THAT(table, HasSubstr("| a | refused | refused | – |\n"));
  EXPECT_THAT(table, HasSubstr("| b | 90.20 (1 of 3; 1 failed, 1 waiting) |"));
  EXPECT_THAT(table, HasSubstr("| c | – | 60.50 ± 0.71 (2 of 3; 1 diverged) |"));
  EXPECT_THAT(table, HasSubstr("* none, a refused: needs n >= 4f + 3 (seeds 1, 2, 3)\n")) << table;
}

TEST(MarkdownTable, LeavesOutColumnsThatNoRunHas) {
  Results results = two_attacks();
  results.axes[0].values.insert(results.axes[0].values.begin(), "alie");
  EXPECT_THAT(table_markdown(results), HasSubstr("| mode | none | ipm | worst |"));
}

TEST(MarkdownTable, SaysWhereTheNumberOfSeedsDiffers) {
  Results results = two_attacks();
  std::erase_if(results.rows,
                [](const ResultRow& row) { return row.values[1] == "a" && row.seed == 3; });
  EXPECT_THAT(table_markdown(results),
              HasSubstr("| a | **90.25 ± 0.35** (n = 2) | 50.50 ± 0.71 (n = 2) |"));
}

TEST(MarkdownTable, IsBoldNowhereWithOneSeed) {
  Results results = two_attacks();
  std::erase_if(results.rows, [](const ResultRow& row) { return row.seed > 1; });
  const std::string table = table_markdown(results);
  EXPECT_THAT(
      table,
      HasSubstr("One seed: there is no spread, so differences of a few points may be chance"));
  EXPECT_THAT(table, HasSubstr("| a | 90.00 | 50.00 | 50.00 (ipm) |\n"));
  EXPECT_THAT(table, Not(HasSubstr("**")));
}

TEST(Tables, EscapeWhatNamesHold) {
  Results results{"a|b_c & 100% $x$", "x", {{"mode", {"f_eff|*1* <b> 50%", "\\x{}~^#"}}}, {}};
  for (const std::string& value : results.axes[0].values)
    results.rows.push_back(finished_run({value}, 1, 50));
  const std::string markdown = table_markdown(results), latex = table_latex(results);
  EXPECT_THAT(markdown, HasSubstr("| f_eff\\|\\*1\\* &lt;b> 50% |"));
  EXPECT_THAT(latex, HasSubstr("f\\_eff\\textbar{}{*}1{*} \\textless{}b\\textgreater{} 50\\% & "));
  EXPECT_THAT(latex,
              HasSubstr("\\textbackslash{}x\\{\\}\\textasciitilde{}\\textasciicircum{}\\# & "));
}

// At the beginning of a row \\\\ takes a bracket or a star for its own; OT1 has no \\textquotedbl.
TEST(LatexTable, BeginsRowsWithAnyName) {
  Results results{"", "", {{"pre", {"[nnm,arc]", "*", "\"a\""}}}, {}};
  for (const std::string& value : results.axes[0].values)
    results.rows.push_back(finished_run({value}, 1, 50));
  const std::string table = table_latex(results);
  EXPECT_THAT(table, HasSubstr("\\midrule\n{[}nnm,arc] & "));
  EXPECT_THAT(table, HasSubstr("\\\\\n{*} & "));
  EXPECT_THAT(table, HasSubstr("\n\\textquotedblright{}a\\textquotedblright{} & "));
}

TEST(LatexTable, IsOfBooktabs) {
  const std::string table = table_latex(two_attacks());
  EXPECT_THAT(
      table,
      HasSubstr("\\begin{tabular}{lrrr}\n\\toprule\n & \\multicolumn{3}{c}{err-mode} \\\\\n"
                "\\cmidrule(lr){2-4}\nmode & none & ipm & worst \\\\\n\\midrule\n"
                "a & $\\mathbf{90.50 \\pm 0.50}$ & $51.00 \\pm 1.00$ & $51.00$ (ipm) \\\\\n"));
  EXPECT_THAT(table, HasSubstr("\\bottomrule\n\\end{tabular}\n"));
  EXPECT_THAT(table, HasSubstr("mean $\\pm$ sample standard deviation"));
}

TEST(TextTable, IsMarkedWithStarsAndBrokenWhereItIsTooWide) {
  const std::string table = table_text(two_attacks());
  EXPECT_THAT(table, HasSubstr("mode  none           ipm"));
  EXPECT_THAT(table, HasSubstr("b     90.50 ± 0.36*  71.00 ± 1.00*"));
  EXPECT_THAT(table, HasSubstr("*: the best mode by test accuracy"));
  const std::string narrow = table_text(two_attacks(), 40);
  EXPECT_THAT(narrow, HasSubstr("mode  none\na     90.50 ± 0.50*\n"));
  EXPECT_THAT(narrow, HasSubstr("\n\nmode  ipm\n"));
}

TEST(TextTable, IsOfAllNumbersWhereThereIsOneAxis) {
  Results results = two_attacks();
  results.axes.erase(results.axes.begin());
  std::erase_if(results.rows, [](const ResultRow& row) { return row.values[0] == "ipm"; });
  for (ResultRow& row : results.rows) row.values.erase(row.values.begin());
  const std::string table = table_text(results);
  EXPECT_THAT(table, HasSubstr("mode  test accuracy, %"));
  EXPECT_THAT(table, HasSubstr("90.50 ± 0.36*"));
}

}  // namespace
}  // namespace detox
